"""A table of requests with the tiers that a sensible person would choose for them."""

from __future__ import annotations

import pytest

from routing_policies.complexity import Policy, score

FAST = ("fast",)
NOT_BEST = ("fast", "smart")
HARD = ("smart", "best")
BEST = ("best",)

PROMPTS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("hi", FAST),
    ("Hello, how are you today?", FAST),
    ("Thanks, that was great!", FAST),
    ("What is the capital of Australia?", FAST),
    ("Translate to French: The shop opens at nine.", FAST),
    ("Übersetze ins Englische: Der Laden öffnet um neun.", FAST),
    ("Fix the spelling: We recieved you're order yesterday.", FAST),
    ("Give me five synonyms for 'happy'.", FAST),
    ("Write a headline for our summer sale.", FAST),
    ("Suggest three hashtags for a photo of a mountain bike.", FAST),
    ("Rephrase more politely: Send me the invoice now.", FAST),
    ("Who painted the Mona Lisa?", FAST),
    ("今日はいい天気ですね。", FAST),
    ("Bonjour, merci pour votre aide.", FAST),
    ("Write a short birthday greeting for a colleague.", FAST),
    ("Write a LinkedIn post about our new office in Lisbon. Keep it under 120 words.", NOT_BEST),
    ("Write a product description for a steel water bottle. Audience: hikers. Tone: warm.", NOT_BEST),
    (
        "Summarise this in three sentences: " + "The council met on Tuesday and talked about the new bridge. " * 40,
        NOT_BEST,
    ),
    (
        (
            "Write a Python function that parses a CSV file with quoted fields without using the csv module, "
            "handles escaped quotes, and returns a list of dicts. Include type hints and unit tests with pytest."
        ),
        HARD,
    ),
    (
        (
            "Here is my code:\n```python\ndef fib(n):\n    if n < 2:\n        return n\n    return fib(n - 1) + fib(n - 2)\n```\n"
            "Why is it slow, and how would you make it fast without recursion?"
        ),
        HARD,
    ),
    (
        (
            "SELECT * FROM orders o JOIN customers c ON c.id = o.customer_id WHERE o.total > 100;\n"
            "This query takes 30 seconds on our database. Explain the plan that you expect and optimise it."
        ),
        HARD,
    ),
    ("Prove that the square root of 2 is irrational.", HARD),
    (
        (
            "A train leaves at 9:00 at 80 km/h, a second one at 9:30 at 100 km/h. Calculate how many minutes the second one "
            "needs to catch up, and solve the same problem in general with an equation for speeds v and w."
        ),
        HARD,
    ),
    ("Compare the pros and cons of three pricing strategies for a SaaS start-up and recommend one. Justify it.", HARD),
    (
        (
            "Plan a content strategy for a launch in Germany, France and Spain. It must include at least 12 posts, each with "
            "an audience, a format and a goal; avoid superlatives; do not use English words; end with a table of costs."
        ),
        HARD,
    ),
    (
        (
            "Write a 1,500-word article on heat pumps. Requirements:\n1. Explain how they work.\n2. Compare air and ground "
            "source.\n3. Include a cost example.\n4. Never mention brands.\n5. Each section must have at most 200 words.\n"
            "6. Finish with exactly five questions for an installer."
        ),
        HARD,
    ),
    ("Erkläre ausführlich, warum die Inflation 2022 stieg, und vergleiche die Strategie von EZB und Fed.", HARD),
    (
        (
            "Design the architecture of a multi-tenant rate limiter. Explain the trade-offs between a token bucket and a "
            "sliding window, then write the algorithm in Go with a mutex, analyse its complexity, and prove that no tenant "
            "can exceed its limit. It must be thread-safe, must not allocate for each request, and must survive a restart. "
            "Finally compare it with a Redis implementation:\n```go\nfunc (l *Limiter) Allow(key string) bool {\n    return true\n}\n```"
        ),
        BEST,
    ),
    (
        (
            "Derive the closed form of the integral ∫ x^2 e^{-x} dx step by step, then prove by induction the general formula "
            "for x^n, compute the case n = 5, and explain carefully why the remainder is 0. Justify each step."
        ),
        BEST,
    ),
    (
        (
            "Refactor this class so that it is thread-safe, explain each change, and analyse the deadlock that we see:\n"
            "```java\npublic class Pool {\n    private final List<Conn> free = new ArrayList<>();\n"
            "    public Conn take() { while (free.isEmpty()) { wait(); } return free.remove(0); }\n}\n```\n"
            "Requirements:\n- it must not block for ever\n- never hold two locks\n- include unit tests\n- at most 80 lines"
        ),
        BEST,
    ),
)


@pytest.mark.parametrize(("prompt", "tiers"), PROMPTS, ids=[prompt[:40] for prompt, _ in PROMPTS])
def test_the_tier_is_the_one_a_sensible_person_would_choose(prompt, tiers):
    found = score({"messages": [{"role": "user", "content": prompt}]})
    assert Policy().tier(found.value) in tiers
