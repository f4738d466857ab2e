"""Posts a second of the fast path, beside what a user of public checkpoints would run.

``python benchmarks/scoring.py [--threads N] [--posts N] [--base small] [--tools PYTHON]``. Both
shipped bases are measured where none is named.

One run measures, on the same texts:
ours (sentiment, stance and relevance in one pass); ``transformers.pipeline`` with the same
encoder weights (a pass an answer: for one, and for both); two pipelines of RoBERTa-base's size, one
a head, with random weights, as the speed is the same; and the same two under our own runtime. With
``--tools``, the Python of an environment with pysentimiento and tweetnlp
(``benchmarks/other_tools.txt``), also these tools' own code with models of that size. Then this
machine's matrix peaks, and which share of the best one the multiplications of our path make, with
what of them is padding. Texts are tweets of ``../shared/data/series_airline2015``, without which
generated ones of that length. Medians of five runs after one to warm up.
"""

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import numpy as np
import openvino
import openvino.opset13 as operation
import torch
import transformers
from timing import rate
from tokenizers import Tokenizer
from torch import nn

from classifiers.encoder import Classifier, Layer
from classifiers.fixed_shapes import BATCH_ROWS, POST_WIDTHS, TARGET_WIDTHS
from classifiers.heads import head
from classifiers.model_config import (
    TOKENIZER_FILE,
    WEIGHTS_FILES,
    EncoderShape,
    ModelConfig,
    read_config,
    write_config,
)
from classifiers.model_files import load_model, save_weights
from classifiers.registry import BASES, PRETRAINED
from classifiers.runtime import Scorer, load_scorer
from classifiers.tokenisation import Tokeniser
from classifiers.torch_engine import TorchEngine
from classifiers.version import ModelVersion, content_id, read_version, write_version

TWEETS = Path(__file__).parents[2] / "shared" / "data" / "series_airline2015" / "posts.jsonl"
TARGET = "the airline's service"
Ours = dict[str, float]
"""Posts a second with all heads, by base."""
SLOW_POSTS = 96
"""Enough for the slow ways; their rates do not depend on the number of posts."""

SCORING = f"""
import json, re, sys
from pathlib import Path
from classifiers.runtime import load_scorer
asked = json.load(sys.stdin)
scorer = load_scorer(Path(asked["base"]), threads=asked["threads"], cache=Path(asked["cache"]))
scorer.score(asked["texts"], {{"airline": {TARGET!r}}})
# The peak that `resource` tells begins with that of the process that started this one.
print(int(re.search("VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]) / 1024)
"""

ROBERTA_BASE = {"width": 768, "inner_width": 3072, "layers": 12, "attention_heads": 12}


def read_texts(count: int) -> list[str]:
    """Return that many distinct texts."""
    if not TWEETS.is_file():
        said = "we wait for the late plane and nobody answers " * 2
        return [f"post {n}: {said}" for n in range(count)]
    with TWEETS.open(encoding="utf-8") as lines:
        distinct = dict.fromkeys(json.loads(line)["text"] for line in lines)
    return list(islice(distinct, count))


def our_weights_pipeline(base: Path) -> transformers.Pipeline:
    """Return a pipeline whose encoder has a base's size and weights."""
    ours = load_model(base)
    shape = ours.shape
    sizes = {
        "vocab_size": shape.vocabulary,
        "hidden_size": shape.width,
        "num_hidden_layers": shape.layers,
        "num_attention_heads": shape.attention_heads,
        "intermediate_size": shape.inner_width,
        "max_position_embeddings": shape.positions,
        "num_labels": 3,
    }
    model: transformers.PreTrainedModel
    if shape.relative_buckets:
        model = transformers.MPNetForSequenceClassification(transformers.MPNetConfig(**sizes))
        theirs = model.mpnet
    else:
        model = transformers.BertForSequenceClassification(transformers.BertConfig(**sizes))
        theirs = model.bert
        theirs.embeddings.token_type_embeddings.weight.data = ours.segments.weight.data
    theirs.embeddings.word_embeddings.weight.data = ours.words.weight.data
    theirs.embeddings.position_embeddings.weight.data = ours.positions.weight.data
    theirs.embeddings.LayerNorm.load_state_dict(ours.norm.state_dict())
    for layer, copied in zip(theirs.encoder.layer, ours.layers, strict=True):
        copy_layer(layer, copied, mpnet=bool(shape.relative_buckets))
    return as_pipeline(model.eval(), base)


def copy_layer(layer: nn.Module, copied: Layer, *, mpnet: bool) -> None:
    """Give one of transformers' layers the weights of one of ours."""
    if mpnet:
        attention = layer.attention.attn
        three = (attention.q, attention.k, attention.v)
        attended, norm = attention.o, layer.attention.LayerNorm
    else:
        attention = layer.attention.self
        three = (attention.query, attention.key, attention.value)
        attended, norm = layer.attention.output.dense, layer.attention.output.LayerNorm
    weights = copied.query_key_value.weight.data.chunk(3)
    biases = copied.query_key_value.bias.data.chunk(3)
    for dense, weight, bias in zip(three, weights, biases, strict=True):
        dense.weight.data, dense.bias.data = weight, bias
    attended.load_state_dict(copied.attended.state_dict())
    norm.load_state_dict(copied.attention_norm.state_dict())
    layer.intermediate.dense.load_state_dict(copied.inner.state_dict())
    layer.output.dense.load_state_dict(copied.outer.state_dict())
    layer.output.LayerNorm.load_state_dict(copied.output_norm.state_dict())


def roberta_pipeline() -> transformers.Pipeline:
    """Return a pipeline of RoBERTa-base's size with random weights."""
    config = transformers.RobertaConfig(num_labels=3, max_position_embeddings=514)
    return as_pipeline(transformers.RobertaForSequenceClassification(config).eval(), PRETRAINED)


def as_pipeline(model: transformers.PreTrainedModel, base: Path) -> transformers.Pipeline:
    """Return a pipeline around a model, with the tokenizer of a base."""
    file = str(base / TOKENIZER_FILE)
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_file=file,
        pad_token=padding_token(base / TOKENIZER_FILE),
        unk_token="[UNK]",
        model_max_length=128,
        model_input_names=["input_ids", "attention_mask"],
    )
    return transformers.pipeline("text-classification", model=model, tokenizer=tokenizer)


def padding_token(path: Path) -> str:
    """Return the token that a tokenizer's file fills rows up with."""
    return str(Tokenizer.from_file(str(path)).id_to_token(Tokeniser(path).padding))


def random_scorer(folder: Path, head_name: str, threads: int) -> Scorer:
    """Return our runtime with one head on an encoder of RoBERTa-base's size."""
    shape = EncoderShape(vocabulary=50265, positions=514, padding=1, segments=0, **ROBERTA_BASE)
    model = Classifier(shape, [head(head_name)]).eval()
    save_weights(folder, model.state_dict())
    labels = {head_name: head(head_name).labels}
    write_config(folder, ModelConfig(shape, (head_name,), labels))
    shutil.copyfile(PRETRAINED / TOKENIZER_FILE, folder / TOKENIZER_FILE)
    version = ModelVersion(
        id=content_id(sorted(folder.glob(WEIGHTS_FILES)), {}),
        topic="",
        base="",
        parent="",
        data_fingerprint="",
        seed=0,
        heads=(head_name,),
        temperature={head_name: 1.0},
        created_at=datetime.now(UTC),
    )
    write_version(folder, version)
    return load_scorer(folder, threads=threads, cache=folder)


def matrix_peaks(threads: int) -> dict[str, float]:
    """Return multiplications and additions a second, in thousands of millions, by number type.

    For 8 bits each thread multiplies matrices of its own, as it does when we score; first, as
    torch's threads may disturb it.
    """
    size = 2048
    operations = 2 * size**3 / 1e9
    found = {"int8": operations * rate(threads, byte_products(size, threads))}
    for name, kind in (("bf16", torch.bfloat16), ("fp32", torch.float32)):
        matrix = torch.ones(size, size, dtype=kind)
        found[name] = operations * rate(1, lambda matrix=matrix: torch.mm(matrix, matrix))
    return found


def byte_products(size: int, threads: int) -> Callable[[], object]:
    """Return what lets each thread multiply a matrix that is rounded, in ranges known before."""
    matrix = operation.parameter([size, size], np.float32)
    rounded = operation.fake_quantize(matrix, -1.0, 1.0, -1.0, 1.0, 256)
    weight = np.random.default_rng(0).uniform(-1, 1, (size, size)).astype(np.float32)
    in_bytes = operation.fake_quantize(operation.constant(weight), -1.0, 1.0, -1.0, 1.0, 255)
    product = operation.matmul(rounded, in_bytes, transpose_a=False, transpose_b=True)
    settings = {"INFERENCE_NUM_THREADS": threads, "NUM_STREAMS": threads}
    compiled = openvino.Core().compile_model(openvino.Model([product], [matrix]), "CPU", settings)
    requests = [compiled.create_infer_request() for _ in range(threads)]
    pool = ThreadPoolExecutor(threads)
    features = [weight]
    return lambda: list(pool.map(lambda one: one.infer(features, share_inputs=True), requests))


def operations(shape: EncoderShape, length: int, rows: float) -> float:
    """Return the multiplications and additions of some rows of that many tokens, in 1e9."""
    dense = 4 * shape.width**2 + 2 * shape.width * shape.inner_width
    attention = 2 * length * shape.width
    return 2 * shape.layers * rows * length * (dense + attention) / 1e9


def account(texts: list[str], base: Path, seconds_each: float, peaks: dict[str, float]) -> None:
    """Print where a post's time goes: multiplications as they are run, and what of them counts."""
    shape, tokeniser = read_config(base).shape, Tokeniser(base / TOKENIZER_FILE)
    target = len(tokeniser.targets([TARGET])[0])
    lengths = [len(post) for post in tokeniser.posts(texts)]
    wide = next(width for width in TARGET_WIDTHS if target <= width)
    padded = Counter(next(width for width in POST_WIDTHS if n <= width) for n in lengths)
    run = sum(
        operations(shape, width + wide, -(-rows // BATCH_ROWS) * BATCH_ROWS)
        for width, rows in padded.items()
    )
    needed = sum(operations(shape, length + target, 1) for length in lengths)
    rate_run = run / (seconds_each * len(texts))
    best = max(peaks, key=lambda name: peaks[name])
    tell(
        "multiplied and added by ours", rate_run, "GOP/s", f"{rate_run / peaks[best]:.0%} of {best}"
    )
    tell("of it for tokens, not for padding", 100 * needed / run, "%")
    tell("without padding", needed / (seconds_each * len(texts)), "GOP/s")


def tell(name: str, value: float, unit: str = "posts/s", note: str = "") -> None:
    """Print one figure."""
    print(f"{name:52} {value:9.1f} {unit}  {note}", flush=True)


def measure_ours(texts: list[str], base: Path, threads: int) -> float:
    """Print our figures; return posts a second with both heads."""
    targets = {"airline": TARGET}
    with tempfile.TemporaryDirectory() as cache:
        for name in ("first start, with export", "next start"):
            started = time.perf_counter()
            scorer = load_scorer(base, threads=threads, cache=Path(cache))
            scorer.score(texts[:1], targets)
            tell(name, time.perf_counter() - started, "s to the first score")
        tokeniser = Tokeniser(base / TOKENIZER_FILE)
        tell("tokenising alone", rate(len(texts), lambda: tokeniser.posts(texts)))
        tell("ours, sentiment alone", rate(len(texts), lambda: scorer.score(texts)))
        ours = rate(len(texts), lambda: scorer.score(texts, targets))
        tell("ours, all heads towards a target", ours)
        torch_engine = TorchEngine(base, threads)
        slow = Scorer(read_version(base), read_config(base), tokeniser, torch_engine)
        few = texts[: SLOW_POSTS * 4]
        tell("ours by torch, 32-bit", rate(len(few), lambda: slow.score(few, targets)))
        tell("peak memory of a process that scores them", memory(texts, base, threads, cache), "MB")
    return ours


def memory(texts: list[str], base: Path, threads: int, cache: str) -> float:
    """Return the peak megabytes of a new process that scores texts by an exported model."""
    asked = {"texts": texts, "base": str(base), "threads": threads, "cache": cache}
    done = subprocess.run(
        [sys.executable, "-c", SCORING], input=json.dumps(asked), capture_output=True, check=True,
        text=True,
    )  # fmt: skip
    return float(done.stdout)


def measure_same_weights(texts: list[str], base: Path, ours: float) -> None:
    """Print what pipelines with a base's own encoder reach: for one answer, and for both.

    One answer is the stance, from text and target; for both, the sentiment of the text as well.
    """
    few = texts[:SLOW_POSTS]
    pairs = [{"text": text, "text_pair": TARGET} for text in few]
    same = our_weights_pipeline(base)
    for batch in (1, 32):
        paired = rate(len(few), lambda batch=batch: same(pairs, batch_size=batch))
        alone = rate(len(few), lambda batch=batch: same(few, batch_size=batch))
        both = 1 / (1 / alone + 1 / paired)
        for name, each in (("one answer", paired), ("both answers", both)):
            note = f"ours: {ours / each:.1f} x"
            tell(f"pipeline, these weights, {name}, batch {batch}", each, note=note)


def measure_pipelines(texts: list[str], ours: Ours) -> None:
    """Print what two pipelines of RoBERTa-base's size reach.

    Two models answer one post: sentiment from the text, stance from text and target.
    """
    few = texts[:SLOW_POSTS]
    pairs = [{"text": text, "text_pair": TARGET} for text in few]
    roberta = roberta_pipeline()
    for batch in (1, 32):
        alone = rate(len(few), lambda batch=batch: roberta(few, batch_size=batch))
        paired = rate(len(few), lambda batch=batch: roberta(pairs, batch_size=batch))
        compare(f"two RoBERTa-base pipelines, batch {batch}", 1 / (1 / alone + 1 / paired), ours)


def measure_fair(texts: list[str], threads: int, ours: Ours) -> None:
    """Print what two models of RoBERTa-base's size reach under our runtime."""
    few = texts[: SLOW_POSTS * 2]
    seconds = 0.0
    for name in ("sentiment", "stance"):
        with tempfile.TemporaryDirectory() as folder:
            scorer = random_scorer(Path(folder), name, threads)
            targets = {"airline": TARGET} if name == "stance" else {}
            seconds += 1 / rate(
                len(few), lambda scorer=scorer, targets=targets: scorer.score(few, targets)
            )
    compare("two RoBERTa-base under our runtime", 1 / seconds, ours)


def compare(name: str, speed: float, ours: Ours) -> None:
    """Print others' speed, and how many times as fast each of our bases is."""
    times = ", ".join(f"{base} {each / speed:.1f} x" for base, each in ours.items())
    tell(name, speed, note=f"ours: {times}")


def measure_tools(texts: list[str], threads: int, ours: Ours, python: Path) -> None:
    """Print what other tools' own code reaches, run by the Python of their environment."""
    tokenizer = PRETRAINED / TOKENIZER_FILE
    asked = {
        "texts": texts[: SLOW_POSTS // 3],
        "target": TARGET,
        "tokenizer": str(tokenizer),
        "padding": padding_token(tokenizer),
        "threads": threads,
    }
    script = Path(__file__).with_name("other_tools.py")
    done = subprocess.run(
        [python, script], input=json.dumps(asked), capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"{python} could not run {script.name}:\n{done.stderr[-2000:]}")
    found = json.loads(done.stdout.splitlines()[-1])
    for name, speed in found["rates"].items():
        compare(f"{name}, two models", speed, ours)
    print(f"(with transformers {found['transformers']})")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--posts", type=int, default=1000)
    parser.add_argument("--base", nargs="+", choices=BASES, default=list(BASES))
    parser.add_argument("--tools", type=Path, help="the Python of an environment with other tools")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    os.environ["HF_HUB_OFFLINE"] = "1"
    print(
        f"{platform.processor() or platform.machine()}, {options.threads} threads, "
        f"torch {torch.__version__}, openvino {openvino.__version__.split('-')[0]}, "
        f"transformers {transformers.__version__}"
    )
    texts = read_texts(options.posts)
    ours: Ours = {}
    for name in options.base:
        print(f"\n{name}, version {read_version(BASES[name]).id}")
        ours[name] = measure_ours(texts, BASES[name], options.threads)
        measure_same_weights(texts, BASES[name], ours[name])
    print("\nothers")
    measure_pipelines(texts, ours)
    measure_fair(texts, options.threads, ours)
    if options.tools:
        measure_tools(texts, options.threads, ours, options.tools)
    print("\nwhat this machine can do")
    peaks = matrix_peaks(options.threads)
    for name, peak in peaks.items():
        tell(f"matrix peak {name}", peak, "GOP/s")
    for name, each in ours.items():
        print(f"\n{name}: where its time goes")
        account(texts, BASES[name], 1 / each, peaks)


if __name__ == "__main__":
    main()
