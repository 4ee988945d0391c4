"""The path of a request, one file a stage. The order below is the order in which they are entered.

observe → authenticate → replay → admit → prompt → cache → route → wait → spend → call
"""

ORDER = ("observe", "authenticate", "replay", "admit", "prompt", "cache", "route", "wait", "spend", "call")
