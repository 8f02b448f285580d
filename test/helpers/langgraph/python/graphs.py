"""Graphs without a model, with the shapes that moving a thread has to survive: the same as in ../fixtures/graphs.ts."""

import json
import operator
from typing import Annotated, Any, TypedDict

from langchain_core.messages import AIMessage, AnyMessage, RemoveMessage
from langgraph.graph import END, START, StateGraph
from langgraph.graph.message import add_messages
from langgraph.types import Command, Send, interrupt


class Desk(TypedDict, total=False):
    messages: Annotated[list[AnyMessage], add_messages]
    turns: int
    trail: Annotated[list[str], operator.add]
    cost: Annotated[int, operator.add]
    memo: str | None


def last_text(state: Desk) -> str:
    messages = state.get("messages") or []
    return messages[-1].text if messages else ""


def triage(state: Desk):
    return {
        "turns": (state.get("turns") or 0) + 1,
        "trail": [f"triage:{last_text(state)[:16]}"],
        "cost": 1,
        "memo": "open",
    }


def reply(state: Desk):
    if "forget" in last_text(state):
        return {"messages": [RemoveMessage(id=m.id) for m in state["messages"][:-1]], "trail": ["forgot"]}
    answer = AIMessage(id=f"reply-{state['turns']}", content=f"you said: {last_text(state)}")
    return {"messages": [answer], "trail": ["reply"], "cost": 10, "memo": None}


def review(state: Desk):
    asked = [m.text for m in state["messages"] if m.type == "human"]
    if not asked or "approve?" not in asked[-1]:
        return {"trail": ["review:ok"]}
    return {"trail": [f"review:{json.dumps(interrupt({'ask': 'send it?', 'turns': state['turns']}))}"]}


def gather(_: Desk):
    return {"trail": ["gather"]}


def weigh(state: Desk):
    if "pause" not in last_text(state):
        return {"trail": ["weigh"]}
    return {"trail": [f"weigh:{json.dumps(interrupt('go on?'))}"]}


def make_desk(with_research: bool):
    graph = StateGraph(Desk)
    graph.add_node("triage", triage)
    graph.add_node("reply", reply)
    graph.add_node("review", review)
    graph.add_edge(START, "triage")
    if with_research:
        research = StateGraph(Desk)
        research.add_node("gather", gather)
        research.add_node("weigh", weigh)
        research.add_edge(START, "gather")
        research.add_edge("gather", "weigh")
        research.add_edge("weigh", END)
        graph.add_node("research", research.compile())
        graph.add_edge("triage", "research")
        graph.add_edge("research", "reply")
    else:
        graph.add_edge("triage", "reply")
    graph.add_edge("reply", "review")
    graph.add_edge("review", END)
    return graph.compile()


desk = make_desk(False)
deep_desk = make_desk(True)


class Workshop(TypedDict, total=False):
    trail: Annotated[list[str], operator.add]
    items: list[Any]
    item: Any
    packed: bool


def route(state: Workshop):
    return Command(goto=END if state.get("packed") else "plan", update={"trail": ["route"]})


def paint(state: Workshop):
    item = state.get("item")
    return {"trail": [f"paint:{interrupt('which colour?') if item == 'ask' else item}"]}


def one_send_each(state: Workshop):
    return [Send("paint", {"item": item}) for item in state.get("items") or ["red", "blue"]]


_workshop = StateGraph(Workshop)
_workshop.add_node("cut", lambda _: {"trail": ["cut"]})
_workshop.add_node("sand", lambda _: {"trail": ["sand"]})
_workshop.add_node("assemble", lambda _: {"trail": ["assemble"]})
_workshop.add_node("route", route, destinations=("plan", END))
_workshop.add_node("plan", lambda _: {"trail": ["plan"]})
_workshop.add_node("paint", paint)
_workshop.add_node("pack", lambda _: {"trail": ["pack"], "packed": True})
_workshop.add_edge(START, "cut")
_workshop.add_edge(START, "sand")
_workshop.add_edge(["cut", "sand"], "assemble")
_workshop.add_edge("assemble", "route")
_workshop.add_conditional_edges("plan", one_send_each, ["paint"])
_workshop.add_edge("paint", "pack")
_workshop.add_edge("pack", END)
workshop = _workshop.compile()
