"""What can go wrong, in one tree.

The leaves do not know each other, so the tree grows on Python's own branches; every exception that Fairhaul
raises stands in this drawing, and a test holds the drawing against the code::

    ValueError                    bad input: counted or shown with its place, then on
    ├── config.located.ConfigurationError  mistakes in a YAML file, each as file:line:column
    ├── agent.wire.PayloadError            bytes that are no payload
    └── agent.wire ...
    OSError                       the world is gone: logged once when lost, once when back
    RuntimeError                  a promise is broken: exit non-zero, systemd restarts
"""
