import { AIMessage, RemoveMessage, type BaseMessage } from '@langchain/core/messages';
import {
  Annotation,
  Command,
  END,
  interrupt,
  messagesStateReducer,
  Send,
  START,
  StateGraph,
} from '@langchain/langgraph';

// Graphs without a model, with the shapes that moving a thread has to survive. `python/graphs.py` has the same ones.

const Desk = Annotation.Root({
  messages: Annotation<BaseMessage[]>({ reducer: messagesStateReducer, default: () => [] }),
  /** The last value stays. */
  turns: Annotation<number>(),
  /** Appends: writing the whole list again doubles it. */
  trail: Annotation<string[]>({ reducer: (kept, added) => [...kept, ...added], default: () => [] }),
  /** Sums up. */
  cost: Annotation<number>({ reducer: (sum, more) => sum + more, default: () => 0 }),
  /** Set, and set back to null. */
  memo: Annotation<string | null>(),
});
type DeskState = typeof Desk.State;

function lastText({ messages }: DeskState): string {
  const content = messages.at(-1)?.content;
  return typeof content === 'string' ? content : JSON.stringify(content ?? '');
}

function lastQuestion({ messages }: DeskState): string {
  const content = messages.findLast((message) => message.getType() === 'human')?.content;
  return typeof content === 'string' ? content : '';
}

const triage = (state: DeskState) => ({
  turns: (state.turns ?? 0) + 1,
  trail: [`triage:${lastText(state).slice(0, 16)}`],
  cost: 1,
  memo: 'open',
});

const reply = (state: DeskState) => {
  if (lastText(state).includes('forget'))
    return {
      messages: state.messages.slice(0, -1).map(({ id }) => new RemoveMessage({ id: id ?? '' })),
      trail: ['forgot'],
    };
  const answer = new AIMessage({ id: `reply-${state.turns}`, content: `you said: ${lastText(state)}` });
  return { messages: [answer], trail: ['reply'], cost: 10, memo: null };
};

const review = (state: DeskState) => {
  if (!lastQuestion(state).includes('approve?')) return { trail: ['review:ok'] };
  return { trail: [`review:${JSON.stringify(interrupt({ ask: 'send it?', turns: state.turns }))}`] };
};

/** Messages and channels of every kind; asks when the question holds "approve?", removes messages on "forget". */
export const desk = new StateGraph(Desk)
  .addNode('triage', triage)
  .addNode('reply', reply)
  .addNode('review', review)
  .addEdge(START, 'triage')
  .addEdge('triage', 'reply')
  .addEdge('reply', 'review')
  .addEdge('review', END)
  .compile();

const research = new StateGraph(Desk)
  .addNode('gather', () => ({ trail: ['gather'] }))
  .addNode('weigh', (state) => {
    if (!lastText(state).includes('pause')) return { trail: ['weigh'] };
    return { trail: [`weigh:${JSON.stringify(interrupt('go on?'))}`] };
  })
  .addEdge(START, 'gather')
  .addEdge('gather', 'weigh')
  .addEdge('weigh', END)
  .compile();

/** The same with a subgraph, which pauses inside on "pause". */
export const deepDesk = new StateGraph(Desk)
  .addNode('triage', triage)
  .addNode('research', research)
  .addNode('reply', reply)
  .addNode('review', review)
  .addEdge(START, 'triage')
  .addEdge('triage', 'research')
  .addEdge('research', 'reply')
  .addEdge('reply', 'review')
  .addEdge('review', END)
  .compile();

const Workshop = Annotation.Root({
  trail: Annotation<string[]>({ reducer: (kept, added) => [...kept, ...added], default: () => [] }),
  items: Annotation<string[]>(),
  item: Annotation<string>(),
  packed: Annotation<boolean>(),
});

/** Two nodes at once that are joined, a node that routes by Command, and one Send for each item; "ask" interrupts its Send. */
export const workshop = new StateGraph(Workshop)
  .addNode('cut', () => ({ trail: ['cut'] }))
  .addNode('sand', () => ({ trail: ['sand'] }))
  .addNode('assemble', () => ({ trail: ['assemble'] }))
  .addNode(
    'route',
    ({ packed }) => new Command({ goto: packed === true ? END : 'plan', update: { trail: ['route'] } }),
    { ends: ['plan', END] },
  )
  .addNode('plan', () => ({ trail: ['plan'] }))
  .addNode('paint', ({ item }) => ({
    trail: [`paint:${item === 'ask' ? String(interrupt('which colour?')) : item}`],
  }))
  .addNode('pack', () => ({ trail: ['pack'], packed: true }))
  .addEdge(START, 'cut')
  .addEdge(START, 'sand')
  .addEdge(['cut', 'sand'], 'assemble')
  .addEdge('assemble', 'route')
  .addConditionalEdges('plan', ({ items }) => (items ?? ['red', 'blue']).map((item) => new Send('paint', { item })), [
    'paint',
  ])
  .addEdge('paint', 'pack')
  .addEdge('pack', END)
  .compile();
