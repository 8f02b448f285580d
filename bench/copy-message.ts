import type { Document } from 'mongodb';

/** What the object pipelines of the MongoDB bench do with a message, in this thread or another. */
export default function copyOf(message: Document): Document {
  return { ...message };
}
