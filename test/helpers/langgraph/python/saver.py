"""Keeps the server's checkpoints in the PostgreSQL database that CHECKPOINT_URL names."""

import contextlib
import os

from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver


@contextlib.asynccontextmanager
async def checkpointer():
    async with AsyncPostgresSaver.from_conn_string(os.environ["CHECKPOINT_URL"]) as saver:
        await saver.setup()
        yield saver
