"""What the gateway says of itself: log lines and metrics. Neither holds a secret, neither can make a request fail."""
