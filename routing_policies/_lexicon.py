"""The words that the complexity score listens to, in English, German, French and Spanish: data for `complexity.py`.

A word belongs to one feature and adds its amount to it. Phrases are looked for in the lower-cased text as they are.
"""

from __future__ import annotations

_LISTS: tuple[tuple[str, float, str], ...] = (
    (
        "reasoning",
        1,
        """
        why explain analyse analyze analysis compare contrast evaluate assess justify argue critique recommend
        strategy strategic trade-off trade-offs tradeoff tradeoffs implications design architecture plan diagnose
        investigate optimise optimize infer reasoning consequences pros cons hypothesis carefully thorough
        thoroughly in-depth comprehensive detailed rigorous warum erkläre erklären vergleiche vergleichen analysiere
        begründe bewerte strategie abwägen ausführlich pourquoi explique expliquez comparez analysez évaluez
        justifiez stratégie détaillé explica compara analiza evalúa justifica estrategia detallado
        """,
    ),
    (
        "code",
        1,
        """
        code function functions class method python javascript typescript java c++ c# rust golang sql html css bash
        regex api endpoint bug debug debugging exception unittest pytest algorithm recursion recursive async
        database schema query json yaml docker kubernetes git def return import const let var void public private
        static select insert struct impl lambda null nullptr funktion klasse datenbank fonction función
        """,
    ),
    ("code", 3, "refactor compiler traceback stacktrace thread-safe deadlock mutex concurrency segfault"),
    (
        "maths",
        1,
        """
        equation equations probability matrix calculate compute solve solution algebra geometry calculus logarithm
        modulo prime integer integers percent average median variance sum ratio fraction divided multiplied
        remainder total gleichung berechne wahrscheinlichkeit équation ecuación calcula probabilidad
        """,
    ),
    (
        "maths",
        3,
        "prove proof theorem lemma derive integral derivative eigenvalue polynomial beweise ableitung prouve demuestra",
    ),
    (
        "steps",
        1,
        """
        first second third then next finally afterwards step steps step-by-step stepwise zuerst dann danach
        schließlich schritt schritte d'abord ensuite enfin étapes primero luego después pasos
        """,
    ),
    (
        "constraints",
        1,
        """
        must exactly only without never always avoid ensure include including exclude required requirement
        requirements constraint constraints limit maximum minimum between each every unless except format audience
        tone muss genau ohne niemals vermeide mindestens höchstens jede jeder doit exactement sans jamais évite
        chaque debe exactamente nunca evita cada
        """,
    ),
    (
        "longform",
        1,
        """
        article articles essay whitepaper report ebook chapter screenplay speech thesis documentation newsletter
        artikel aufsatz bericht rede rapport discours artículo ensayo informe discurso
        """,
    ),
    (
        "simple",
        1,
        """
        hi hello hey thanks thank translate rephrase reword shorten spelling typo typos grammar proofread synonym
        synonyms title headline slogan hashtag hashtags caption emoji greeting hallo danke übersetze kürze
        rechtschreibung titel bonjour merci traduis raccourcis hola gracias traduce
        """,
    ),
)

WORDS: dict[str, tuple[str, float]] = {
    word: (feature, amount) for feature, amount, words in _LISTS for word in words.split()
}

PHRASES: dict[str, str] = {
    "at least": "constraints",
    "at most": "constraints",
    "no more than": "constraints",
    "make sure": "constraints",
    "do not": "constraints",
    "don't": "constraints",
    "how many": "maths",
    "how much": "maths",
    "root cause": "reasoning",
    "in detail": "reasoning",
}

CODE_MARKS = ("{", "};", "()", "=>", "->", "==", "!=", "::", "</", "```", "\n    ", "\t")
MATHS_MARKS = ("\\frac", "\\sum", "\\int", "$$", "^", "√", "∑", "∫", "≤", "≥", "∀", "∃", "π", " = ", " + ", " * ")
QUESTION_MARKS = "?\uff1f\u061f\u037e"  # Latin, full-width, Arabic, Greek
