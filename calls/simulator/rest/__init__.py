"""What the platform answers to REST requests, noun by noun. No sockets here."""
