import { NumberMarker } from '../formats/exact-numbers.ts';
import { asBuffer } from '../formats/json-records.ts';
import type { Answer, AnswerRest } from './langgraph-exchange.ts';

/** An answer whose numbers are marked where parsing would change them: see {@link NumberMarker}. */
export function markedAnswer(answer: Answer): Answer {
  const marker = new NumberMarker('forms');
  const bytes = asBuffer(marker.push(answer.bytes));
  const { rest } = answer;
  if (rest !== undefined) return { ...answer, bytes, rest: markedRest(rest, marker) };
  const last = marker.end();
  return { ...answer, bytes: last.length === 0 ? bytes : Buffer.concat([bytes, last]) };
}

function markedRest(rest: AnswerRest, marker: NumberMarker): AnswerRest {
  return {
    async *[Symbol.asyncIterator]() {
      for await (const piece of rest) yield marker.push(piece);
      yield marker.end();
    },
    cancel: () => rest.cancel(),
  };
}
