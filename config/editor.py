"""The JSON schema that lets an editor complete keys and mark mistakes while a technician types.

`python -m config.editor > config/agent.schema.json` writes it.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from config.schema import Configuration
from config.shape import fields, in_field, limits, models_of, quantity_of


def json_schema() -> dict[str, Any]:
    """JSON schema (draft 2020-12) of a configuration file, quantities and their defaults with units.

    A file that extends another may leave out what must be written, and take a pin out with `null`, so nothing
    is required here: `fairhaul check` tells.
    """
    schema = Configuration.model_json_schema(by_alias=True)
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    definitions = {Configuration.__name__: schema, **schema["$defs"]}
    for name, model in models_of(Configuration).items():
        definitions[name].pop("required", None)
        for key, field in fields(model).items():
            _finish(definitions[name]["properties"][key], field)
    pins = schema["properties"]["pins"]
    pins["additionalProperties"] = {"anyOf": [*pins["additionalProperties"]["oneOf"], {"type": "null"}]}
    return schema


def _finish(written: dict[str, Any], field: FieldInfo) -> None:
    """Defaults and limits with their units; no default for sections, whose keys have their own."""
    holds = in_field(field)
    quantity = quantity_of(holds)
    default = field.default
    if isinstance(default, BaseModel | tuple):
        written.pop("default", None)
    elif quantity and default is None:
        written["default"] = "none"
    elif quantity and isinstance(default, int | float):
        written["default"] = quantity.written(default)
    least, most = limits(holds)
    if quantity and least is not None and most is not None:
        written["description"] += f" ({quantity.written(least)} to {quantity.written(most)})"
    if written.get("type") == "array" and "maxLength" in written:
        written["maxItems"] = written.pop("maxLength")
        written["minItems"] = written.pop("minLength", 0)


def main() -> None:
    """Write the JSON schema to standard output."""
    json.dump(json_schema(), sys.stdout, indent=2, ensure_ascii=False)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
