"""Whether a deployment can be called: where its key comes from when the file names none, and who needs no key.

A key of the environment is only ever used for its own provider's address, never sent to an `api_base` of the file
unless that provider has no address of its own (Azure).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import SecretStr

from gateway.config.litellm_models import LitellmParams

# Providers whose variable is not simply <PROVIDER>_API_KEY; the first that is set counts.
_VARIABLES = {
    "azure_ai": ("AZURE_AI_API_KEY", "AZURE_API_KEY"),
    "azure_text": ("AZURE_API_KEY",),
    "cohere_chat": ("COHERE_API_KEY",),
    "gemini": ("GEMINI_API_KEY", "GOOGLE_API_KEY"),
    "huggingface": ("HF_TOKEN", "HUGGINGFACE_API_KEY"),
    "perplexity": ("PERPLEXITYAI_API_KEY", "PERPLEXITY_API_KEY"),
    "text-completion-openai": ("OPENAI_API_KEY",),
    "together_ai": ("TOGETHERAI_API_KEY", "TOGETHER_API_KEY"),
}
# Providers that sign with an account of a cloud: any of these variables shows that there is one.
_ACCOUNTS = {
    "bedrock": ("AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_ROLE_ARN", "AWS_BEARER_TOKEN_BEDROCK"),
    "bedrock_converse": ("AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_ROLE_ARN", "AWS_BEARER_TOKEN_BEDROCK"),
    "sagemaker": ("AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_ROLE_ARN"),
    "vertex_ai": ("GOOGLE_APPLICATION_CREDENTIALS", "VERTEXAI_PROJECT"),
}
# Any of them shows that an entry for whatever model (`*`) can serve something.
USUAL = (
    "OPENAI_API_KEY",
    "ANTHROPIC_API_KEY",
    "GEMINI_API_KEY",
    "GOOGLE_API_KEY",
    "AZURE_API_KEY",
    "COHERE_API_KEY",
    "DEEPSEEK_API_KEY",
    "FIREWORKS_AI_API_KEY",
    "GROQ_API_KEY",
    "MISTRAL_API_KEY",
    "OPENROUTER_API_KEY",
    "PERPLEXITYAI_API_KEY",
    "TOGETHERAI_API_KEY",
    "XAI_API_KEY",
    *_ACCOUNTS["bedrock"],
    *_ACCOUNTS["vertex_ai"],
)
_ACCOUNT_PARAMS = frozenset(
    {
        "aws_access_key_id",
        "aws_profile_name",
        "aws_role_name",
        "azure_ad_token",
        "client_secret",
        "vertex_ai_credentials",
        "vertex_credentials",
    }
)
_KEYLESS = frozenset(
    {"hosted_vllm", "infinity", "llamafile", "lm_studio", "ollama", "ollama_chat", "vllm", "xinference"}
)
_ADDRESS_IS_THE_ADMINS = frozenset({"azure", "azure_ai", "azure_text", "databricks", "snowflake", "watsonx"})


@dataclass(frozen=True, slots=True)
class Access:
    """How a deployment is reached. `missing` names what is not set; None means it can be called."""

    key: SecretStr | None = None
    missing: str | None = None


def access(params: LitellmParams, provider: str, absent: str | None, env: Mapping[str, str]) -> Access:
    """The deployment's key. `absent`: the variable that the file asks for and that is not set."""
    if params.mock_response is not None:
        return Access(key=params.api_key)
    if absent is not None:
        return Access(missing=absent)
    if params.api_key is not None and params.api_key.get_secret_value():
        return Access(key=params.api_key)
    if _needs_no_key(params, provider):
        return Access()
    if provider in _ACCOUNTS:
        names = _ACCOUNTS[provider]
        return Access(missing=None if any(env.get(name) for name in names) else names[0])
    names = _VARIABLES.get(provider, (f"{provider.upper().replace('-', '_')}_API_KEY",))
    found = next((env[name] for name in names if env.get(name)), None)
    return Access(key=SecretStr(found)) if found else Access(missing=names[0])


def _needs_no_key(params: LitellmParams, provider: str) -> bool:
    own_address = bool(params.api_base or params.base_url) and provider not in _ADDRESS_IS_THE_ADMINS
    own_account = bool((params.model_extra or {}).keys() & _ACCOUNT_PARAMS)
    return provider in _KEYLESS or own_address or own_account
