"""Write ``config/README.md`` and the schema of a study, every key of the config, below a folder (`make docs`)."""

import inspect
import json
import sys
from collections.abc import Iterator
from pathlib import Path

from pdetransfer.data.systems.registry import SYSTEMS
from pdetransfer.plan.study import Study

HEADER = """# Configuration

<!-- Generated from pdetransfer.plan.entries, recipes and study by `make docs`; edit the descriptions there. -->

A study is a folder here: `study.yaml` says what is asked, once, and each scale, such as `laptop.yaml`, how
large it is: the numbers that the study leaves out. `claims.yaml`, if it is there, has the claims that results
are judged by. `config.yaml` chooses a study and a scale, and lays your own values over them.

* **Layers.** Study, scale, `overrides` of that study and scale in `config.yaml`, `--configfile`, `--config`: later
  ones are laid over earlier ones, key by key. A scale may name no entry that the study lacks; the others may. A
  scale with `like: laptop` has that scale's numbers where it gives none.
* **`like`** in an entry takes over the settings of another entry of its section, as they are after all layers:
  `fno_raw: {like: fno_medium, input_normalisation: false}`.
* **`each`** makes a family of an entry, a member for every value (of several settings: for every combination):
  `small: {kind: fno, each: {modes: [4, 8]}}` stands for `small.modes4` and `small.modes8`. An entry that names the
  family means all its members, and what is varied is a column of the tables, such as `model_modes`.
* **A study of your own** is a folder with `study.yaml`, in which `answers` names the code that answers it, such as
  `transfer`, and a scale. `--config study=<name>` runs it.

`<name>` stands for a name of your choice, of letters, digits, `_`, `.` and `-`. A key without a default is
required; an unknown key is an error. What is at its default is no part of what decides whether a cell is
trained again.

| key | value | default | meaning |
|---|---|---|---|
"""
MADE = ("name", "scale", "families")  # no keys of a file


def value(schema: dict, root: dict) -> str:
    """What kind of value a schema asks for, in words."""
    schema = resolved(schema, root)
    if len(kinds := alternatives(schema)) > 1 or kinds[0] != schema:
        return " or ".join(value(kind, root) for kind in kinds)
    if "enum" in schema or "const" in schema:
        return " or ".join(f"`{option}`" for option in schema.get("enum", [schema.get("const")]))
    if "properties" in schema or schema.get("type") == "object":
        return "section"
    if schema.get("type") == "array":
        if "prefixItems" in schema:
            return f"[low, high], each {value(schema['prefixItems'][0], root)}"
        return f"list of {value(schema['items'], root)}"
    limits = {"minimum": ">= {}", "exclusiveMinimum": "> {}"}
    words = {"string": "text", "boolean": "`true` or `false`"}.get(schema["type"], schema["type"])
    return " ".join(
        [words, *(text.format(f"{schema[key]:g}") for key, text in limits.items() if key in schema)]
    )


def resolved(schema: dict, root: dict) -> dict:
    """A schema with its reference, if any, filled in."""
    if "$ref" in schema:
        return root["$defs"][schema["$ref"].split("/")[-1]] | schema
    return schema


def alternatives(schema: dict) -> list[dict]:
    """The schemas of which one holds, but for that of what is left out."""
    within = schema.get("anyOf") or schema.get("oneOf")
    if not within:
        return [schema]
    return [kind for part in within for kind in alternatives(part) if kind != {"type": "null"}]


def inner(schema: dict, root: dict) -> dict:
    """The schema of what may stand here, if it may also be left out; of several, that of a section."""
    kinds = [resolved(kind, root) for kind in alternatives(schema)]
    sections = [kind for kind in kinds if "properties" in kind]
    return (kinds if len(kinds) == 1 else sections or [schema])[0]


def of_all_kinds(schema: dict, root: dict) -> dict:
    """One schema with the keys of all kinds of entries, where there are several; those that not all have say whose
    they are."""
    kinds = [resolved(kind, root) for kind in alternatives(schema)]
    kinds = [kind for kind in kinds if len(kind.get("properties", {})) > 1]
    if len(kinds) < 2:
        return schema
    found: dict = {"properties": {}}
    for kind in kinds:
        name = kind["properties"]["kind"]["const"]
        for key, child in kind["properties"].items():
            if key == "kind":
                names = [of["properties"]["kind"]["const"] for of in kinds]
                child = {key: given for key, given in child.items() if key != "const"} | {"enum": names}
            elif any(key not in of["properties"] for of in kinds):
                child = child | {"description": f"Of `{name}`. {child['description']}"}
            elif (
                key in found["properties"] and child["description"] != found["properties"][key]["description"]
            ):
                both = f"{found['properties'][key]['description']} Of `{name}`: {child['description']}"
                child = found["properties"][key] | {"description": both}
            else:
                child = found["properties"].get(key, child)
            found["properties"][key] = child
    having = {key: [of for of in kinds if key in of["properties"]] for key in found["properties"]}
    found["required"] = [
        key for key, of in having.items() if all(key in kind.get("required", []) for kind in of)
    ]
    return found


def rows(schema: dict, root: dict, prefix: str = "") -> Iterator[str]:
    """A row for each key below ``prefix``, depth first."""
    for key, child in schema.get("properties", {}).items():
        if not prefix and key in MADE:
            continue
        name, within = f"{prefix}{key}", inner(child, root)
        default = "required" if key in schema.get("required", []) else f"`{json.dumps(child.get('default'))}`"
        empty = default in ("`null`", '`""`', "`{}`", "`[]`")
        description = " ".join(child.get("description", "").split())
        yield f"| `{name}` | {value(child, root)} | {'none' if empty else default} | {description} |"
        entry = next(iter(within.get("patternProperties", {}).values()), within.get("additionalProperties"))
        if isinstance(entry, dict) and entry:
            yield from rows(of_all_kinds(resolved(entry, root), root), root, f"{name}.<name>.")
        else:
            yield from rows(within, root, f"{name}.")


def systems() -> str:
    """What stands in a dataset's entry beside the name of its system."""
    lines = [
        "",
        "## Systems",
        "",
        "What each system's entry has, beside `system`: the ranges of its physics parameters.",
    ]
    lines.append("")
    for name, system in SYSTEMS.items():
        arguments = inspect.signature(system).parameters.values()
        keys = (
            f"`{argument.name}`" + ("" if argument.default is argument.empty else f" (`{argument.default}`)")
            for argument in arguments
        )
        lines += [f"### `{name}`", "", f"Keys, with their defaults: {', '.join(keys)}.", ""]
        lines += [inspect.getdoc(system), ""]
    return "\n".join(lines).rstrip()


def main(folder: Path) -> None:
    schema = Study.model_json_schema()
    pages = {
        "config/README.md": HEADER + "\n".join(rows(schema, schema)) + "\n" + systems() + "\n",
        "workflow/schemas/study.schema.json": json.dumps(schema, indent=1, ensure_ascii=False) + "\n",
    }
    for name, text in pages.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
