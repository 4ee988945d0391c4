"""What /admin/config takes and answers. Of the files nothing is shown but the sections that can be edited here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from gateway.api.fields import Form, absent
from gateway.config import edit
from gateway.config.diff import Difference
from gateway.config.history import Version
from gateway.config.patches import Edit
from gateway.config.problems import Problem, key_path
from gateway.reloading import Rejection

LONGEST_SECTION = 200_000  # characters
MOST_EDITS = 200
Pointer = Annotated[str, Field(max_length=1_000)]


class EditForm(Form):
    """One edit, as in JSON Patch: paths are JSON pointers that begin with a section."""

    model_config = ConfigDict(populate_by_name=True)

    op: Literal["add", "replace", "remove", "move"]
    path: Pointer
    value: Any = absent()
    source: Pointer | None = Field(None, alias="from")

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.op in {"add", "replace"} and "value" not in self.model_fields_set:
            raise ValueError("'value' is missing")
        if self.op == "move" and self.source is None:
            raise ValueError("'from' is missing")
        return self


class ConfigChange(Form):
    """Edits, or the whole texts of sections (each with its key; an empty text takes the section out)."""

    edits: Annotated[list[EditForm], Field(min_length=1, max_length=MOST_EDITS)] = absent()
    sections: Annotated[
        dict[str, Annotated[str, Field(max_length=LONGEST_SECTION)]], Field(min_length=1, max_length=20)
    ] = absent()

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if len(self.model_fields_set) != 1:
            raise ValueError("say either 'edits' or 'sections'")
        return self

    def of(self, texts: edit.Texts) -> edit.Edited:
        """The changed texts. Raises ConfigError."""
        if "sections" in self.model_fields_set:
            return edit.replaced(texts, self.sections)
        return edit.edited(texts, [Edit(each.op, each.path, each.value, each.source) for each in self.edits])


class ProblemShape(BaseModel):
    """A mistake: where, and how to mend it. `where` is the key, too, as in the details of other routes."""

    where: str
    file: str
    line: int
    column: int
    key: str
    what: str
    mend: str

    @classmethod
    def of(cls, problem: Problem) -> Self:
        mark, key = problem.mark, key_path(problem.path)
        return cls(
            where=key or str(mark),
            file=mark.file,
            line=mark.line,
            column=mark.column,
            key=key,
            what=problem.what,
            mend=problem.mend,
        )


class DifferenceShape(BaseModel):
    """What a change does, in a sentence. `restart`: from the next start on only."""

    what: str
    key: str
    restart: bool

    @classmethod
    def all(cls, differences: Iterable[Difference]) -> list[Self]:
        return [cls(what=each.what, key=each.key, restart=each.restart) for each in differences]


class SectionShape(BaseModel):
    """`value`: what the file says, or the defaults where it says nothing; `effective`: with all that it leaves out."""

    file: str
    line: int | None
    yaml: str
    value: Any
    effective: Any

    @classmethod
    def of(cls, part: edit.Part, effective: Any) -> Self:
        said = edit.defaults(part.name) if part.line is None else {} if part.value is None else part.value
        return cls(file=str(part.file), line=part.line, yaml=part.text, value=said, effective=effective)


class RejectionShape(BaseModel):
    at: float
    problems: list[ProblemShape]

    @classmethod
    def of(cls, rejection: Rejection) -> Self:
        return cls(at=rejection.at, problems=[ProblemShape.of(each) for each in rejection.problems])


class WorkerShape(BaseModel):
    """`current`: it serves the version of this answer."""

    name: str
    version: str
    current: bool


class TeamName(BaseModel):
    id: str
    name: str


class NamesShape(BaseModel):
    """What rules may name. `models`: every name that a client may ask for; `embeddings`: groups that answer no chat."""

    groups: list[str]
    embeddings: list[str]
    models: list[str]
    aliases: list[str]
    policies: list[str]
    tiers: list[str]
    templates: list[str]
    brands: list[str]
    teams: list[TeamName]


class ConfigShape(BaseModel):
    """`rejected`: the files as they are now are broken, and an older version serves on. Times in Unix seconds."""

    object: Literal["config"] = "config"
    version: str
    loaded_at: float
    file: str
    writable: bool
    why_not: str | None
    rejected: RejectionShape | None
    restart: list[str]
    warnings: list[str]
    workers: list[WorkerShape]
    sections: dict[str, SectionShape]
    names: NamesShape


class ChangedConfig(ConfigShape):
    differences: list[DifferenceShape]


class CheckShape(BaseModel):
    """What a change would do. `diff` and `sections` are about the sections that can be edited, and no others."""

    object: Literal["config.check"] = "config.check"
    ok: bool
    problems: list[ProblemShape] = []
    differences: list[DifferenceShape] = []
    diff: str = ""
    sections: dict[str, str] = {}


class VersionShape(BaseModel):
    """One that was served from `at` on. `by`: an actor ("user:ada", "master"), "file" for a change on the disk,
    "secret" where only a secret's value changed there. `current`: it serves, and came last. `differs`: going back to it
    would change a section.
    """

    version: str
    at: float
    by: str
    what: list[str]
    current: bool
    differs: bool

    @classmethod
    def all(cls, versions: Sequence[Version], current: str, sections: Mapping[str, str]) -> list[Self]:
        """`current`: what serves; `sections`: the texts that it has."""
        newest = next((each for each in versions if each.version == current), None)
        return [
            cls(
                version=each.version,
                at=each.at,
                by=each.by,
                what=list(each.what),
                current=each is newest,
                differs=each.sections != sections,
            )
            for each in versions
        ]


def texts_of(parts: Mapping[str, edit.Part]) -> dict[str, str]:
    """The sections' texts by name."""
    return {name: part.text for name, part in parts.items()}
