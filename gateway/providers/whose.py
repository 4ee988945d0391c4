"""Whose model a name means, told as LiteLLM tells it, without importing LiteLLM. Pure.

A name is `provider/model`, or the bare name of a model in the price map. What LiteLLM decides by more than that is left
to it (`ASK`). A test compares the answers for all models and all providers of the LiteLLM that is pinned.
"""

from __future__ import annotations

from typing import Literal

from gateway.providers.price_map import PriceMap

PROVIDERS = frozenset(
    """
    a2a a2a_agent abliteration ai21 ai21_chat aihubmix aiml aiohttp_openai amazon_nova anthropic anthropic_text apertis
    assemblyai auto_router aws_polly aws_textract azure azure_ai azure_speech azure_text baseten bedrock bedrock_mantle
    black_forest_labs bytez cerebras charity_engine chatgpt chutes clarifai cloudflare codestral cognition cohere
    cohere_chat cometapi compactifai cortecs crusoe cursor custom custom_openai darkbloom dashscope databricks datarobot
    deepgram deepinfra deepseek docker_model_runner dotprompt edenai elevenlabs empiriolabs empower fal_ai
    featherless_ai fireworks_ai friendliai galadriel gdc gemini gigachat github github_copilot gmi gradient_ai groq
    helicone heroku hosted_vllm huggingface humanloop hyperbolic inception infinity jina_ai lambda_ai langflow langfuse
    langgraph lemonade libertai litellm_agent litellm_proxy llamafile llamagate lm_studio manus maritalk meta meta_llama
    milvus minimax mistral modelscope mongodb moonshot morph nadir nano-gpt nebius neosantara nlp_cloud novita nscale
    nvidia_nim nvidia_riva oci ollama ollama_chat oobabooga openai openai_like openrouter ovhcloud parasail perplexity
    petals pg_vector pinstripes poe predibase prism publicai qwen_ai_platform qwencloud ragflow recraft reducto reka
    replicate runwayml s3_vectors sagemaker sagemaker_chat sagemaker_nova sail sambanova sap sarvam scaleway scx-ai
    snowflake soniox stability strands_decider synthetic tencent tensormesh text-completion-codestral
    text-completion-inception text-completion-openai together_ai topaz transcribe triton typesafe v0 valkey veniceai
    vercel_ai_gateway vertex_ai vertex_ai_beta vllm volcengine voyage wandb watsonx watsonx_text xai xiaomi_mimo
    xinference zai
    """.split()  # noqa: SIM905 - as a list it would be 170 lines
)
ASKED = frozenset({"bedrock_mantle", "chatgpt", "github_copilot", "ragflow"})  # the model's own name decides there
ANTHROPIC_TEXT = frozenset({"claude-2", "claude-instant-1"})
VERTEX = "vertex_ai"
# The map's words for providers whose models are known by their bare names.
BARE = {
    "ai21": "ai21_chat",
    "aleph_alpha": "aleph_alpha",
    "anthropic": "anthropic",
    "bedrock": "bedrock",
    "bedrock_converse": "bedrock",
    "cohere": "cohere",
    "cohere_chat": "cohere_chat",
    "empower": "empower",
    "gradient_ai": "gradient_ai",
    "nlp_cloud": "nlp_cloud",
    "openai": "openai",
    "openrouter": "openrouter",
    "text-completion-openai": "text-completion-openai",
    "watsonx": "watsonx",
    **{
        f"vertex_ai-{kind}-models": VERTEX
        for kind in ("chat", "code-chat", "code-text", "embedding", "image", "language", "text", "video", "vision")
    },
}
# Models that LiteLLM knows though its map does not have them, and how it tells others by what is in their names.
NOT_IN_THE_MAP = {
    **dict.fromkeys(("31dxrj3", "q841o8w", "qvv0xeq"), "baseten"),
    **dict.fromkeys(("dall-e-2", "dall-e-3"), "openai"),
    **dict.fromkeys((f"embed-{kind}-v2.0" for kind in ("english", "english-light", "multilingual")), "cohere"),
    "embed-v4.0": "cohere",
    "petals-team/StableBeluga2": "petals",
    "veo-2.0-generate-001": VERTEX,
    **dict.fromkeys((f"veo-3.0{kind}-generate-001" for kind in ("", "-fast")), VERTEX),
    **dict.fromkeys((f"veo-3.1{kind}-generate-001" for kind in ("", "-fast", "-lite")), VERTEX),
    **dict.fromkeys((f"veo-3.1{kind}-generate-preview" for kind in ("", "-fast")), VERTEX),
}
BEGINNINGS = (("gpt-image", "openai"), ("amazon_nova", "amazon_nova"))
TUNED = ("ft:gpt-3.5-turbo", "ft:gpt-4")
LONG = 64  # hexadecimal digits of a version of a model of Replicate's

Whose = tuple[str, str]
Ask = Literal["ask"]
ASK: Ask = "ask"


def whose(model: str, named: str | None, known: PriceMap) -> Whose | Ask | None:
    """The provider's own name of a model, and the provider; None where LiteLLM does not know it.

    `named` is the provider that the file names apart.
    """
    prefix, slash, name = model.partition("/")
    if named is not None:
        unclear = named not in PROVIDERS or named == model or prefix == "azure"
        return ASK if unclear else _apart(named, model.removeprefix(f"{named}/"), known)
    if slash and prefix in PROVIDERS:
        return _of(prefix, name, known)
    return ASK if prefix in PROVIDERS else _bare(model, known)


def _apart(provider: str, name: str, known: PriceMap) -> Whose | Ask:
    """With the provider told beside the name."""
    if provider == "azure":
        return name, provider
    if provider == "openrouter":  # whose own models are called by the whole name
        return name if "/" in name else f"openrouter/{name}", provider
    return _of(provider, name, known)


def _of(provider: str, name: str, known: PriceMap) -> Whose | Ask:
    """With the provider told before the name."""
    if provider in ASKED:
        return ASK
    if provider == "azure" and (
        known.provider(name) == "cohere_chat" or known.provider(f"mistral/{name}") == "mistral"
    ):
        return f"azure/{name}", "openai"
    if provider == "anthropic" and name in ANTHROPIC_TEXT:
        return name, "anthropic_text"
    if provider == "cohere" and known.provider(name) == "cohere_chat":
        return name, "cohere_chat"
    return name, provider


def _bare(model: str, known: PriceMap) -> Whose | Ask | None:
    """By the model's name alone."""
    found = _listed(model, known) or NOT_IN_THE_MAP.get(model)
    found = found or next((provider for beginning, provider in BEGINNINGS if model.startswith(beginning)), None)
    if any(part in model for part in TUNED):
        found = "openai"
    if found is None and ":" in model and len(model) > LONG:
        return ASK
    if found is None:
        found = "openai" if model == "*" else known.by_rule(model)
    if found == "anthropic" and model in ANTHROPIC_TEXT:
        found = "anthropic_text"
    return None if found is None else (model, found)


def _listed(model: str, known: PriceMap) -> str | None:
    """By its entry in the map; some entries are there for their prices only."""
    provider = known.provider(model)
    if provider is None:
        return None
    for_prices = provider == "openai" and model.startswith("ft:") and model.count(":") == 1
    for_prices = for_prices or (provider == "bedrock" and "month-commitment" in model)
    return None if for_prices else BARE.get(provider)
