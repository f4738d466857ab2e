"""Encoders from folders: our network reads what transformers' own reads from the same files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import (
    AutoModel,
    BertConfig,
    BertForMaskedLM,
    BertModel,
    MPNetConfig,
    MPNetModel,
    XLMRobertaConfig,
    XLMRobertaModel,
)

from classifiers import starting_weights, training
from classifiers.encoder import Classifier
from classifiers.encoder_folder import fetch_encoder, read_encoder_folder
from classifiers.errors import TrainingError
from classifiers.heads import all_heads
from classifiers.recipe import read_recipe
from classifiers.starting_weights import load_starting_weights, starting_shape, write_tokenizer
from classifiers.tokenisation import Tokeniser

WORDS = [f"w{n}" for n in range(20)]
SIZES: dict[str, Any] = {
    "hidden_size": 16,
    "num_hidden_layers": 3,
    "num_attention_heads": 2,
    "intermediate_size": 32,
}
MARKS = {"bert": ("[PAD]", "[CLS]", "[SEP]"), "roberta": ("<s>", "<pad>", "</s>")}


def make_tokenizer(marks: tuple[str, str, str]) -> Tokenizer:
    vocabulary = {word: n for n, word in enumerate([*marks, "<unk>", *WORDS])}
    made = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    first, last = ("[CLS]", "[SEP]") if "[CLS]" in marks else ("<s>", "</s>")
    made.post_processor = processors.TemplateProcessing(
        single=f"{first} $A {last}",
        special_tokens=[(first, vocabulary[first]), (last, vocabulary[last])],
    )
    return made


def make_encoder(kind: str, folder: Path) -> Path:
    """A tiny random encoder, as transformers saves it, with its tokenizer."""
    torch.manual_seed(4)
    like_bert = kind in ("bert", "bert-lm")
    tokenizer = make_tokenizer(MARKS["bert" if like_bert else "roberta"])
    words = tokenizer.get_vocab_size()
    if like_bert:
        config = BertConfig(vocab_size=words, max_position_embeddings=200, **SIZES)
        model: Any = BertForMaskedLM(config) if kind == "bert-lm" else BertModel(config)
    elif kind == "xlm-roberta":
        shape = {"vocab_size": words, "max_position_embeddings": 180, "type_vocab_size": 1}
        config = XLMRobertaConfig(**shape, pad_token_id=1, layer_norm_eps=1e-5, **SIZES)
        model = XLMRobertaModel(config)
    else:
        config = MPNetConfig(vocab_size=words, max_position_embeddings=180, pad_token_id=1, **SIZES)
        model = MPNetModel(config)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
    model.save_pretrained(folder)
    tokenizer.save(str(folder / "tokenizer.json"))
    return folder


@pytest.mark.parametrize("kind", ["bert", "bert-lm", "xlm-roberta", "mpnet"])
def test_our_network_reads_a_post_as_transformers_does(kind: str, tmp_path: Path) -> None:
    name = str(make_encoder(kind, tmp_path / kind))
    model = Classifier(starting_shape(name, 3), all_heads()).eval()
    load_starting_weights(model, name)
    write_tokenizer(name, tmp_path / "tokenizer.json")
    tokeniser = Tokeniser(tmp_path / "tokenizer.json")
    assert tokeniser.padding == model.shape.padding

    (short, long) = tokeniser.posts(["w1 w2 w3", "w4 w5 w6 w7 w8"])
    ids = torch.tensor([[*short, *[tokeniser.padding] * (len(long) - len(short))], long])
    theirs = AutoModel.from_pretrained(name, use_safetensors=True).eval()
    with torch.inference_mode():
        seen = (ids != tokeniser.padding).long()
        states = theirs(input_ids=ids, attention_mask=seen).last_hidden_state
        expected = (states * seen[..., None]).sum(dim=1) / seen.sum(dim=1, keepdim=True)
        *_, post, _ = model.read(ids, torch.zeros((2, 0, 1), dtype=torch.long))
    assert torch.allclose(post[:, -16:], expected, atol=1e-4)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model_type": "gpt2"}, "it is a 'gpt2', and can be: bert, roberta"),
        ({"hidden_act": "relu"}, "its activation is 'relu'"),
        ({"position_embedding_type": "relative_key"}, "its positions are not absolute"),
        ({"max_position_embeddings": 64}, "fewer than 128 tokens"),
    ],
    ids=["kind", "activation", "positions", "short"],
)
def test_what_our_network_cannot_hold_is_refused(
    change: dict[str, Any], message: str, tmp_path: Path
) -> None:
    folder = make_encoder("bert", tmp_path / "bert")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | change))
    with pytest.raises(TrainingError, match=message):
        read_encoder_folder(folder)


def test_weights_that_would_have_to_be_unpickled_are_not_read(tmp_path: Path) -> None:
    folder = make_encoder("bert", tmp_path / "bert")
    for path in folder.glob("*.safetensors"):
        path.rename(path.with_suffix(".bin"))
    with pytest.raises(TrainingError, match="no weights in safetensors"):
        read_encoder_folder(folder).tensors()


def test_a_name_of_the_hub_is_fetched_without_anything_that_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, asked = make_encoder("xlm-roberta", tmp_path / "x"), []

    def snapshot(name: str, *, revision: str | None, allow_patterns: list[str]) -> str:
        asked.append((name, revision, allow_patterns))
        return str(folder)

    monkeypatch.setattr("classifiers.encoder_folder.snapshot_download", snapshot)
    files = ["config.json", "tokenizer.json", "*.safetensors"]
    assert starting_shape("somebody/multilingual", 2).vocabulary == 24
    assert starting_shape("somebody/multilingual@0123abc", 2).vocabulary == 24
    assert asked == [
        ("somebody/multilingual", None, files),
        ("somebody/multilingual", "0123abc", files),
    ]
    starting_weights._starting.cache_clear()


def test_a_hub_that_cannot_be_reached_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def snapshot(*_: str, **__: object) -> str:
        raise ConnectionError

    monkeypatch.setattr("classifiers.encoder_folder.snapshot_download", snapshot)
    with pytest.raises(TrainingError, match="cannot be fetched"):
        fetch_encoder("somebody/other")


def test_the_environment_names_another_encoder_than_the_recipe() -> None:
    recipe = read_recipe(Path("config/training.toml"))
    assert training._with_encoder(recipe, "/encoders/xlm-r").run.encoder == "/encoders/xlm-r"
    assert training._with_encoder(recipe, "") == recipe
