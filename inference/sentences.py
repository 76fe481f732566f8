"""A small sentence model on numpy: what all-MiniLM-L6-v2 computes, without torch in the process.

BERT's encoder (Devlin et al. 2018, arXiv 1810.04805) and the mean over its tokens, as sentence-transformers does it.
A worker that imported torch for this would start seconds later and hold half a gigabyte more.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

# Read when the libraries are loaded. Their threads wait by spinning: beside a busy model server on the same cores 33
# sentences took 45 s and 8.7 s of CPU with them, 2.7 s and 0.4 s without (seen).
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import numpy as np
from numpy.typing import NDArray
from safetensors import numpy as safetensors_numpy
from tokenizers import Tokenizer

Floats = NDArray[np.float32]
AT_ONCE = 32
LONGEST_TOKENS = 128


class SentenceModel:
    """The encoder in one folder: config.json, tokenizer.json, model.safetensors."""

    def __init__(self, folder: Path) -> None:
        config: dict[str, Any] = json.loads((folder / "config.json").read_text("utf-8"))
        self._layers = int(config["num_hidden_layers"])
        self._heads = int(config["num_attention_heads"])
        self._eps = float(config["layer_norm_eps"])
        self._weights = cast(
            "dict[str, Floats]", cast("Any", safetensors_numpy).load_file(folder / "model.safetensors")
        )
        self._tokenizer = cast("Any", Tokenizer).from_file(str(folder / "tokenizer.json"))
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(LONGEST_TOKENS)

    def encode(self, sentences: Sequence[str]) -> Floats:
        """One row of length 1 for each sentence, so that the product of two rows is their cosine."""
        rows = np.zeros((len(sentences), self._weights["embeddings.LayerNorm.weight"].size), np.float32)
        tokens = [cast("list[int]", coded.ids) for coded in self._tokenizer.encode_batch(list(sentences))]
        order = sorted(range(len(tokens)), key=lambda index: len(tokens[index]))
        for start in range(0, len(order), AT_ONCE):
            batch = order[start : start + AT_ONCE]
            rows[batch] = self._encode([tokens[index] for index in batch])
        return rows

    def _encode(self, tokens: list[list[int]]) -> Floats:
        longest = max(len(row) for row in tokens)
        ids = np.array([row + [0] * (longest - len(row)) for row in tokens])
        there = np.array([[1] * len(row) + [0] * (longest - len(row)) for row in tokens], np.float32)
        state = self._embed(ids)
        hidden_from = ((1 - there) * -1e9)[:, None, None, :]
        for layer in range(self._layers):
            state = self._layer(f"encoder.layer.{layer}.", state, hidden_from)
        mean = (state * there[:, :, None]).sum(1) / there.sum(1, keepdims=True)
        return mean / np.linalg.norm(mean, axis=1, keepdims=True)

    def _embed(self, ids: NDArray[np.int64]) -> Floats:
        words = self._weights["embeddings.word_embeddings.weight"][ids]
        places = self._weights["embeddings.position_embeddings.weight"][: ids.shape[1]]
        kinds = self._weights["embeddings.token_type_embeddings.weight"][0]
        return self._normed("embeddings.LayerNorm", words + places + kinds)

    def _layer(self, name: str, state: Floats, hidden_from: Floats) -> Floats:
        batch, length, size = state.shape

        def heads(part: str) -> Floats:
            whole = self._linear(f"{name}attention.self.{part}", state)
            return whole.reshape(batch, length, self._heads, size // self._heads).transpose(0, 2, 1, 3)

        query, key, value = heads("query"), heads("key"), heads("value")
        scores = query @ key.transpose(0, 1, 3, 2) / np.float32(np.sqrt(size // self._heads)) + hidden_from
        weights = np.exp(scores - scores.max(-1, keepdims=True))
        weights /= weights.sum(-1, keepdims=True)
        seen = (weights @ value).transpose(0, 2, 1, 3).reshape(batch, length, size)
        seen = self._linear(f"{name}attention.output.dense", seen)
        state = self._normed(f"{name}attention.output.LayerNorm", state + seen)
        wide = _gelu(self._linear(f"{name}intermediate.dense", state))
        return self._normed(f"{name}output.LayerNorm", state + self._linear(f"{name}output.dense", wide))

    def _linear(self, name: str, state: Floats) -> Floats:
        return state @ self._weights[f"{name}.weight"].T + self._weights[f"{name}.bias"]

    def _normed(self, name: str, state: Floats) -> Floats:
        centred = state - state.mean(-1, keepdims=True)
        spread = np.sqrt((centred * centred).mean(-1, keepdims=True) + self._eps)
        return (centred / spread * self._weights[f"{name}.weight"] + self._weights[f"{name}.bias"]).astype(np.float32)


def _gelu(x: Floats) -> Floats:
    """The exact GELU but for the error function: Abramowitz and Stegun 7.1.26, wrong by less than 1.5e-7."""
    z = np.abs(x) / np.float32(np.sqrt(2))
    t = 1 / (1 + np.float32(0.3275911) * z)
    poly = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))))
    erf = np.sign(x) * (1 - poly * np.exp(-z * z))
    return (0.5 * x * (1 + erf)).astype(np.float32)
