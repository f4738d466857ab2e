"""Posts a second of pysentimiento's and tweetnlp's own code; `scoring.py --tools` starts it.

It runs in an environment of theirs (`benchmarks/other_tools.txt`), as they need another version of
transformers than the program: nothing of the program is imported. Both tools get a model of
RoBERTa-base's size (their English models are of that size) with random weights, and the tokenizer
that they are told. Reads from standard input, as JSON:
`texts`, `target`, `tokenizer` (file), `padding` (its token), `threads`. Writes posts a second by
tool and batch: of both answers, each from a model of its own.
"""

import importlib
import json
import sys
from collections.abc import Callable

import torch
import transformers
from timing import rate

LABELS = {0: "negative", 1: "neutral", 2: "positive"}


def main() -> None:
    pysentimiento = importlib.import_module("pysentimiento.analyzer")
    tweetnlp = importlib.import_module("tweetnlp")
    asked = json.load(sys.stdin)
    torch.set_num_threads(asked["threads"])
    texts, target = asked["texts"], asked["target"]
    config = transformers.RobertaConfig(
        num_labels=3,
        max_position_embeddings=514,
        id2label=LABELS,
        label2id={name: number for number, name in LABELS.items()},
        problem_type="single_label_classification",
    )
    model = transformers.RobertaForSequenceClassification(config).eval()
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_file=asked["tokenizer"],
        pad_token=asked["padding"],
        unk_token="[UNK]",
        model_max_length=128,
        model_input_names=["input_ids", "attention_mask"],
    )
    analyzer = pysentimiento.AnalyzerForSequenceClassification(
        model, tokenizer, "sentiment", batch_size=32
    )
    loaded = {"model": model, "config": config, "tokenizer": tokenizer}
    classifier = tweetnlp.Classifier(loaded_model_config_tokenizer=loaded)

    def each(predict: Callable[..., object], **options: str) -> None:
        for text in texts:
            predict(text, **options)

    # tweetnlp has a stance model for each target, which reads the text alone.
    works = {
        "pysentimiento, batch 1": [
            lambda: each(analyzer.predict),
            lambda: each(analyzer.predict, target=target),
        ],
        "pysentimiento, batch 32": [
            lambda: analyzer.predict(texts),
            lambda: analyzer.predict(texts, target=[target] * len(texts)),
        ],
        "tweetnlp, batch 1": [lambda: each(classifier.predict)] * 2,
        "tweetnlp, batch 32": [lambda: classifier.predict(texts, batch_size=32)] * 2,
    }
    found = {
        name: 1 / sum(1 / rate(len(texts), work) for work in both) for name, both in works.items()
    }
    print(json.dumps({"transformers": transformers.__version__, "rates": found}))


if __name__ == "__main__":
    main()
