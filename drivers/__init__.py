"""The world, as inputs: serial GNSS, GPIO, MQTT, recorded logs, the simulator and the clock."""
