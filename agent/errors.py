"""What can go wrong, in one tree.

The leaves do not know each other, so the tree grows on Python's own branches. Every exception that Fairhaul
defines stands in this drawing, and a test holds the drawing against the code::

    ValueError                                 bad input: counted or shown with its place, and on with the next
    ├── agent.audit.recorded.SecretsError      a line of a file of secrets that makes no sense
    ├── agent.receipts.folder.NotAFolder        no folder of exported receipts
    ├── agent.wire.PayloadError                bytes that are no payload of a version known here
    ├── buffer.errors.TooLarge                 a row for the outbox is longer than its limit
    ├── config.located.ConfigurationError      a YAML file's mistakes, each as file:line:column
    ├── config.located.Mistake                 one of them, on its way to the place it belongs to
    ├── drivers.mqtt_options.BrokerAddressError   no address of a broker
    └── drivers.replay.PulsesError             a line of a pulses file that makes no sense
    OSError                                    the world is gone: said once when lost, once when back
    ├── buffer.errors.OutboxLost               the disk would not have it; nothing of the change is on it
    │   ├── buffer.errors.OutboxDamaged        the outbox broke while open; a restart sets the file aside
    │   └── buffer.errors.OutboxFull           the file system is full, though the outbox is not
    ├── buffer.lock.OutboxInUse                another agent works with this outbox
    ├── buffer.read_only.NotReadable           a file of receipts that can't be looked into
    ├── buffer.received.StoreLost              the receiver's disk would not have it
    ├── buffer.sqlite_file.Damaged             a file of ours is not what it should be; its opener decides
    ├── drivers.gpio.PinsMissing               no GPIO here, or not these lines
    ├── drivers.mqtt_options.LinkError         the link cannot be made, or cannot take a message now
    ├── drivers.replay.LogError                a recorded log that cannot be read
    ├── drivers.serial_gnss.PortGarbled        a port that speaks, but not NMEA
    └── drivers.serial_gnss.PortSilent         a port that is open and says nothing
    RuntimeError                               a promise is broken: exit non-zero, systemd starts anew
    ├── buffer.errors.WrongNumber              a batch sealed out of turn, or twice
    └── buffer.sqlite_file.SchemaTooNew        a file written by a newer version than this one

The command line turns the first two into one sentence and an exit status (`agent.cli.failing`); the third keeps
its traceback, because it is a bug or a downgrade.
"""
