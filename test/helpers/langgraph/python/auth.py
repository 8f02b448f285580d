"""Two keys; each sees only its own threads, as in the JavaScript server of the tests."""

from langgraph_sdk import Auth

auth = Auth()


@auth.authenticate
async def authenticate(headers: dict) -> Auth.types.MinimalUserDict:
    key = (headers.get(b"x-api-key") or b"").decode()
    if key not in ("ana-key", "ben-key"):
        raise Auth.exceptions.HTTPException(status_code=401, detail="no such key")
    return {"identity": key}


@auth.on
async def own(ctx: Auth.types.AuthContext, value: dict):
    metadata = value.setdefault("metadata", {})
    metadata["owner"] = ctx.user.identity
    return {"owner": ctx.user.identity}
