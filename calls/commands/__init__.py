"""The commands of ``calls``, one a module: each is a function that ``calls.__main__`` gives a name.

They need the ``cli`` extra. What they do alike is in ``_session``: it finds the platform, tells
people and programs what became of everything, and knows the exit status.
"""
