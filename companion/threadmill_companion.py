"""The companion graph of threadmill for LangGraph servers in Python: it reads and writes checkpoints of any thread through
the server's own checkpointer, so that a migration keeps ids, times, metadata, forks, subgraphs and pending questions.

Deploy it beside your graphs for the time of a migration, in langgraph.json:
    "graphs": { "threadmill_companion": "./threadmill_companion.py:companion", ... }
It asks nobody whose threads they are: take it out again afterwards.

Input {"op": "load", "mode": "json" | "typed", "jobs": [{"thread_id", "tuples"}]} -> {"result": {"written", "failed": {thread id: reason}}}
      {"op": "dump", "threads": [thread id]}                                     -> {"result": {"threads": {thread id: tuples}}}
In mode "typed", which "dump" gives, values are [type, base64] of the server's own serializer.
"""

import base64
from typing import Any, Callable, TypedDict

from langchain_core.messages import messages_from_dict
from langchain_core.runnables import RunnableConfig
from langgraph.graph import END, START, StateGraph
from langgraph.types import Interrupt, Send

MESSAGE_TYPES = {
    "human", "HumanMessageChunk", "ai", "AIMessageChunk", "system", "SystemMessageChunk",
    "tool", "ToolMessageChunk", "function", "FunctionMessageChunk", "chat", "ChatMessageChunk", "remove",
}  # fmt: skip


class State(TypedDict, total=False):
    op: str
    mode: str
    jobs: Any
    threads: Any
    result: Any


def revive(value: Any) -> Any:
    """Values of the API with their messages made messages again."""
    if isinstance(value, list):
        return [revive(item) for item in value]
    if not isinstance(value, dict):
        return value
    if value.get("type") in MESSAGE_TYPES and "content" in value:
        # Not by coercion of dicts, which moves usage_metadata and invalid_tool_calls to another place.
        fields = {name: item for name, item in value.items() if name != "type"}
        for name in ("invalid_tool_calls", "tool_calls", "additional_kwargs", "response_metadata"):
            if name in fields and fields[name] is None:
                del fields[name]
        return messages_from_dict([{"type": value["type"], "data": fields}])[0]
    return {name: revive(item) for name, item in value.items()}


def decode_json(channel: str, value: Any) -> Any:
    if channel == "__interrupt__":
        asked = value if isinstance(value, list) else [value]
        return [Interrupt(value=item.get("value"), id=item["id"]) for item in asked]
    if channel == "__pregel_tasks" and isinstance(value, list):
        return [Send(item["node"], revive(item.get("args"))) for item in value]
    if channel.startswith("join:") and isinstance(value, list):
        return set(value)
    return revive(value)


def decode_typed(serde: Any) -> Callable[[str, Any], Any]:
    return lambda _, value: serde.loads_typed((value[0], base64.b64decode(value[1])))


def encode_typed(serde: Any, value: Any) -> list[str]:
    kind, data = serde.dumps_typed(value)
    return [kind, base64.b64encode(data or b"").decode()]


async def load(saver: Any, thread_id: str, tuples: list[dict[str, Any]], mode: str) -> int:
    decode = decode_typed(saver.serde) if mode == "typed" else decode_json
    for found in tuples:
        place = {"thread_id": thread_id, "checkpoint_ns": found["ns"]}
        under = {**place, "checkpoint_id": found["parent"]} if found.get("parent") else place
        checkpoint = dict(found["checkpoint"])
        checkpoint["channel_values"] = {name: decode(name, item) for name, item in checkpoint["channel_values"].items()}
        fresh = found.get("new_versions") or checkpoint["channel_versions"]
        await saver.aput({"configurable": under}, checkpoint, found["metadata"], fresh)
        by_task: dict[str, list[tuple[str, Any]]] = {}
        for task, channel, item in found["writes"]:
            by_task.setdefault(task, []).append((channel, decode(channel, item)))
        at = {"configurable": {**place, "checkpoint_id": checkpoint["id"]}}
        for task, writes in by_task.items():
            await saver.aput_writes(at, writes, task)
    return len(tuples)


async def dump(saver: Any, thread_id: str) -> list[dict[str, Any]]:
    tuples = []
    async for found in saver.alist({"configurable": {"thread_id": thread_id}}):
        place = found.config["configurable"]
        checkpoint = dict(found.checkpoint)
        checkpoint["channel_values"] = {
            name: encode_typed(saver.serde, item) for name, item in checkpoint["channel_values"].items()
        }
        above = found.parent_config
        tuples.append(
            {
                "ns": place.get("checkpoint_ns", ""),
                "id": str(place["checkpoint_id"]),
                "parent": str(above["configurable"]["checkpoint_id"]) if above else None,
                "metadata": found.metadata,
                "checkpoint": checkpoint,
                "writes": [
                    [task, channel, encode_typed(saver.serde, item)] for task, channel, item in found.pending_writes or []
                ],
            }
        )
    return tuples[::-1]


async def work(state: State, config: RunnableConfig) -> State:
    saver = config["configurable"].get("__pregel_checkpointer")
    if saver is None:
        raise RuntimeError("there is no checkpointer: run this graph on a thread")
    if state["op"] == "dump":
        return {"jobs": None, "result": {"threads": {name: await dump(saver, name) for name in state["threads"]}}}
    written = 0
    failed = {}
    for job in state["jobs"]:
        try:
            written += await load(saver, job["thread_id"], job["tuples"], state.get("mode", "json"))
        except Exception as error:  # One thread's mistake is not the others'.
            failed[job["thread_id"]] = f"{type(error).__name__}: {error}"
    return {"jobs": None, "result": {"written": written, "failed": failed}}


_graph = StateGraph(State)
_graph.add_node("work", work)
_graph.add_edge(START, "work")
_graph.add_edge("work", END)
companion = _graph.compile()
