"""Print ``config/README.md``, every key of the config, from the descriptions in its schema (`make docs`)."""

import inspect
from pathlib import Path

import yaml

from pdetransfer.data.systems.registry import SYSTEMS

SCHEMA = Path(__file__).parent.parent / "workflow/schemas/config.schema.yaml"
HEADER = """# Configuration

<!-- Generated from workflow/schemas/config.schema.yaml by `make docs`; edit the descriptions there. -->

{description}

`<name>` stands for a name of your choice, of letters, digits, `_`, `.` and `-`. Every key is required
unless it says otherwise; an unknown key is an error. YAML reads `1e-3` as text: write `1.0e-3`.

| key | value | meaning |
|---|---|---|
"""


def resolved(schema: dict, root: dict) -> dict:
    """A schema with its reference, if any, filled in."""
    if "$ref" not in schema:
        return schema
    return root["$defs"][schema["$ref"].split("/")[-1]] | schema


def value(schema: dict, root: dict) -> str:
    """What kind of value a schema asks for, in words."""
    schema = resolved(schema, root)
    if "enum" in schema:
        return " or ".join(f"`{option}`" for option in schema["enum"])
    if schema["type"] == "array":
        inner = value(schema["items"], root)
        return f"[low, high], each {inner}" if schema.get("maxItems") == 2 else f"list of {inner}"
    bounds = {"minimum": ">= {}", "exclusiveMinimum": "> {}"}
    limits = [text.format(schema[key]) for key, text in bounds.items() if key in schema]
    return " ".join(
        [{"string": "text", "boolean": "`true` or `false`"}.get(schema["type"], schema["type"]), *limits]
    )


def rows(schema: dict, root: dict, prefix: str = "", required: bool = True):
    """A row for each key below ``prefix``, depth first."""
    if prefix:
        kind = "section" if schema.get("type") == "object" else value(schema, root)
        optional = "" if required else " Optional."
        yield f"| `{prefix}` | {kind} | {schema.get('description', '')}{optional} |"
    below = f"{prefix}." if prefix else ""
    for key, child in schema.get("properties", {}).items():
        yield from rows(child, root, below + key, key in schema.get("required", []))
    if isinstance(schema.get("additionalProperties"), dict):
        entry = schema["additionalProperties"]
        if entry.get("type") == "object":
            yield from list(rows(entry, root, f"{below}<name>"))[1:]
        else:
            kind = value(entry, root) if "type" in entry else "as its system asks"
            yield f"| `{below}<key>` | {kind} | {entry['description']} |"


def systems() -> str:
    """The keys that each system has in a dataset's entry: the arguments of its constructor."""
    lines = ["", "## Systems", ""]
    for name, system in SYSTEMS.items():
        arguments = inspect.signature(system).parameters.values()
        keys = (
            f"`{argument.name}`" + ("" if argument.default is argument.empty else f" (`{argument.default}`)")
            for argument in arguments
        )
        lines += [
            f"### `{name}`",
            "",
            f"Keys, with their defaults: {', '.join(keys)}.",
            "",
            inspect.getdoc(system),
            "",
        ]
    return "\n".join(lines).rstrip()


def main() -> None:
    schema = yaml.safe_load(SCHEMA.read_text())
    print(HEADER.format(description=schema["description"]) + "\n".join(rows(schema, schema)))
    print(systems())


if __name__ == "__main__":
    main()
