"""The wall around LiteLLM: the only package that imports it, and only through `runtime.load`, never on a request."""
