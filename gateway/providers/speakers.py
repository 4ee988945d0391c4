"""The providers that speak OpenAI's own format, and what LiteLLM knows of each: address, key, parameters.

Plain tables, so that their deployments are ready before LiteLLM is imported; a test compares each row with LiteLLM's own
answers. What is not in a table, or not certain, is not called by the `wire` lane.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

GPT = frozenset(
    {
        "audio", "frequency_penalty", "function_call", "functions", "logit_bias", "logprobs", "max_completion_tokens",
        "max_tokens", "modalities", "n", "parallel_tool_calls", "prediction", "presence_penalty", "response_format",
        "safety_identifier", "seed", "service_tier", "stop", "temperature", "tool_choice", "tools", "top_logprobs",
        "top_p", "web_search_options",
    }
)  # fmt: skip
EVERYTHING = GPT | {"reasoning_effort", "thinking", "user", "verbosity"}
SIMPLE = frozenset({"max_tokens", "response_format", "temperature", "top_p"})
TOOLS = frozenset({"tool_choice", "tools"})
REASONING = "supports_reasoning"
# What LiteLLM takes out of tools, or rewrites, for OpenAI's validator.
ODD_SCHEMAS = (b'"pattern":"', b'"cache_control":')


@dataclass(frozen=True, slots=True)
class Speaker:
    """One provider. `bases`, `keys`: the variables that LiteLLM looks into where the deployment names neither."""

    base: str | None = None
    bases: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    no_key: str | None = None  # what is sent where there is no key
    takes: frozenset[str] = GPT  # parameters that LiteLLM sends on for every model
    flagged: Mapping[str, str] = field(default_factory=dict)  # those that a flag of the price map decides about
    refused: Mapping[str, str] = field(default_factory=dict)  # those that are not taken where a flag is false
    hands_over: frozenset[str] = frozenset()  # parameters that LiteLLM rewrites: such requests take the sdk lane
    odd_tools: tuple[bytes, ...] = ODD_SCHEMAS  # the same for tools with one of these within
    organization: bool = True  # is sent where the deployment names one
    max_tokens: bool = False  # the only name that it knows for the bound on the output
    tells_usage: bool = True  # is asked for usage in streams
    texts_only: bool = False  # LiteLLM rewrites contents that are lists
    unnamed: bool = False  # LiteLLM takes names out of messages that are not a user's
    strict: bool = False  # LiteLLM takes names and further members out of messages
    keeps_cache_control: bool = False
    lists_inputs: bool = False  # an embedding's input is always a list
    embeds: bool = True  # embeddings too


SPEAKERS: Mapping[str, Speaker] = {
    "openai": Speaker(
        base="https://api.openai.com/v1",
        bases=("OPENAI_BASE_URL", "OPENAI_API_BASE"),
        keys=("OPENAI_API_KEY",),
    ),
    "custom_openai": Speaker(max_tokens=True, embeds=False),
    "azure": Speaker(
        bases=("AZURE_API_BASE",),
        keys=("AZURE_OPENAI_API_KEY", "AZURE_API_KEY"),
        takes=(GPT | {"user"}) - {"safety_identifier", "service_tier"},
        organization=False,
    ),
    "litellm_proxy": Speaker(
        bases=("LITELLM_PROXY_API_BASE",), keys=("LITELLM_PROXY_API_KEY",), takes=EVERYTHING, keeps_cache_control=True
    ),
    "hosted_vllm": Speaker(
        bases=("HOSTED_VLLM_API_BASE",),
        keys=("HOSTED_VLLM_API_KEY",),
        no_key="fake-api-key",
        takes=GPT | {"reasoning_effort", "thinking"},
        hands_over=frozenset({"thinking"}),
        odd_tools=(*ODD_SCHEMAS, b'"additionalProperties":', b'"strict":', b'"custom"'),
        organization=False,
        lists_inputs=True,
    ),
    "openrouter": Speaker(
        base="https://openrouter.ai/api/v1",
        bases=("OPENROUTER_API_BASE",),
        keys=("OPENROUTER_API_KEY", "OR_API_KEY"),
        takes=GPT | {"reasoning_effort", "thinking"},
        organization=False,
        lists_inputs=True,
    ),
    "groq": Speaker(
        max_tokens=True,
        base="https://api.groq.com/openai/v1",
        bases=("GROQ_API_BASE",),
        keys=("GROQ_API_KEY",),
        takes=GPT - {"web_search_options"},
        flagged={"reasoning_effort": REASONING, "web_search_options": "supports_web_search"},
        hands_over=frozenset({"response_format", "web_search_options"}),
        organization=False,
        embeds=False,
    ),
    "mistral": Speaker(
        max_tokens=True,
        base="https://api.mistral.ai/v1",
        bases=("MISTRAL_AZURE_API_BASE",),
        keys=("MISTRAL_AZURE_API_KEY", "MISTRAL_API_KEY"),
        takes=SIMPLE | TOOLS | {"max_completion_tokens", "parallel_tool_calls", "seed", "stop"},
        flagged={"reasoning_effort": REASONING},
        hands_over=frozenset({"reasoning_effort", "seed", "thinking"}),
        odd_tools=(
            *ODD_SCHEMAS,
            b'"$id":',
            b'"$schema":',
            b'"$ref":',
            b'"$defs":',
            b'"additionalProperties":',
            b'"strict":',
        ),
        organization=False,
        tells_usage=False,
        texts_only=True,
        strict=True,
        embeds=False,
    ),
    "deepseek": Speaker(
        max_tokens=True,
        base="https://api.deepseek.com/beta",
        bases=("DEEPSEEK_API_BASE",),
        keys=("DEEPSEEK_API_KEY",),
        takes=GPT | {"reasoning_effort", "thinking"},
        hands_over=frozenset({"reasoning_effort", "thinking"}),
        organization=False,
        texts_only=True,
        embeds=False,
    ),
    "together_ai": Speaker(
        max_tokens=True,
        base="https://api.together.xyz/v1",
        bases=("TOGETHER_AI_API_BASE",),
        keys=("TOGETHER_API_KEY", "TOGETHER_AI_API_KEY", "TOGETHERAI_API_KEY", "TOGETHER_AI_TOKEN"),
        flagged={"reasoning_effort": REASONING},
        refused={
            "tools": "supports_function_calling",
            "tool_choice": "supports_function_calling",
            "functions": "supports_function_calling",
            "function_call": "supports_function_calling",
            "response_format": "supports_response_schema",
        },
        hands_over=frozenset({"reasoning_effort"}),
        organization=False,
        embeds=False,
    ),
    "perplexity": Speaker(
        max_tokens=True,
        tells_usage=False,
        base="https://api.perplexity.ai",
        bases=("PERPLEXITY_API_BASE",),
        keys=("PERPLEXITYAI_API_KEY", "PERPLEXITY_API_KEY"),
        takes=SIMPLE | {"frequency_penalty", "max_completion_tokens", "presence_penalty"},
        flagged={"reasoning_effort": REASONING, "web_search_options": "supports_web_search"},
        embeds=False,
    ),
    "zai": Speaker(
        max_tokens=True,
        base="https://api.z.ai/api/paas/v4",
        bases=("ZAI_API_BASE",),
        keys=("ZAI_API_KEY",),
        takes=TOOLS | {"max_tokens", "stop", "temperature", "top_p"},
        flagged={"thinking": REASONING},
        keeps_cache_control=True,
        embeds=False,
    ),
    "huggingface": Speaker(
        max_tokens=True,
        keys=("HF_TOKEN", "HUGGINGFACE_API_KEY"),
        organization=False,
        keeps_cache_control=True,
        embeds=False,
    ),
    "xai": Speaker(
        max_tokens=True,
        base="https://api.x.ai/v1",
        bases=("XAI_API_BASE",),
        keys=("XAI_API_KEY",),
        takes=SIMPLE
        | TOOLS
        | {
            "frequency_penalty",
            "logit_bias",
            "logprobs",
            "max_completion_tokens",
            "n",
            "parallel_tool_calls",
            "presence_penalty",
            "seed",
            "stop",
            "top_logprobs",
            "user",
            "web_search_options",
        },
        flagged={"reasoning_effort": REASONING},
        hands_over=frozenset({"web_search_options"}),
        odd_tools=(*ODD_SCHEMAS, b'"strict":'),
        organization=False,
        unnamed=True,
        embeds=False,
    ),
    "fireworks_ai": Speaker(
        max_tokens=True,
        base="https://api.fireworks.ai/inference/v1",
        bases=("FIREWORKS_API_BASE",),
        keys=("FIREWORKS_API_KEY", "FIREWORKS_AI_API_KEY", "FIREWORKSAI_API_KEY", "FIREWORKS_AI_TOKEN"),
        takes=SIMPLE
        | {
            "frequency_penalty",
            "logit_bias",
            "logprobs",
            "max_completion_tokens",
            "n",
            "prediction",
            "presence_penalty",
            "seed",
            "service_tier",
            "stop",
            "parallel_tool_calls",
            "tools",
            "top_logprobs",
            "user",
        },
        flagged={
            "reasoning_effort": REASONING,
            "thinking": REASONING,
            "tool_choice": "supports_tool_choice",
        },
        refused={"parallel_tool_calls": "supports_function_calling", "tools": "supports_function_calling"},
        hands_over=frozenset({"parallel_tool_calls", "reasoning_effort", "thinking", "tool_choice", "tools"}),
        organization=False,
        embeds=False,
    ),
}
