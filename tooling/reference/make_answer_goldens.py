"""What TALLRec learns by and scores with in numpy, for packages/llm/src/decoder/answer-goldens.test.ts.

  python make_answer_goldens.py --out ../../packages/llm/src/goldens/answers.safetensors

The loss is the cross entropy of the answer's token over the whole vocabulary. Two scores: the softmax over the logits of the two
answers, and, as the published code does, the softmax over their two probabilities among the whole vocabulary; both also where each
answer has two tokens whose probabilities are added. Gradients are derived by hand, compared with central differences of the loss,
and stored in float32; the same seed gives the same file.
"""

import argparse

import numpy as np

from golden_file import save

BATCH, DIM, VOCABULARY = 6, 5, 11
YES, NO = 3, 8
YES_VARIANTS, NO_VARIANTS = [3, 1], [8, 10]


def given(seed):
    random = np.random.default_rng(seed)
    normal = lambda *shape: random.standard_normal(shape).astype(np.float32).astype(np.float64)
    return {"hidden": normal(BATCH, DIM), "head": normal(VOCABULARY, DIM)}, np.array([1, 0, 0, 1, 1, 0.0])


def softmax(logits):
    powers = np.exp(logits - logits.max(1, keepdims=True))
    return powers / powers.sum(1, keepdims=True)


def answer_loss(inputs, labels):
    probabilities = softmax(inputs["hidden"] @ inputs["head"].T)
    targets = np.where(labels == 1, YES, NO)
    rows = np.arange(BATCH)
    by_logits = probabilities.copy()
    by_logits[rows, targets] -= 1
    by_logits /= BATCH
    gradients = {"hidden": by_logits @ inputs["head"], "head": by_logits.T @ inputs["hidden"]}
    return -np.log(probabilities[rows, targets]).mean(), gradients


def scores(inputs, yes, no):
    """The share of yes by the two logits, and by the two probabilities, of answers whose tokens are added."""
    probabilities = softmax(inputs["hidden"] @ inputs["head"].T)
    both = np.stack([probabilities[:, yes].sum(1), probabilities[:, no].sum(1)], 1)
    return both[:, 0] / both.sum(1), softmax(both)[:, 0]


def check(inputs, labels, gradients):
    for name, gradient in gradients.items():
        for place in np.ndindex(gradient.shape):
            losses = []
            for step in (1e-6, -1e-6):
                moved = {**inputs, name: inputs[name].copy()}
                moved[name][place] += step
                losses.append(answer_loss(moved, labels)[0])
            found = (losses[0] - losses[1]) / 2e-6
            assert abs(found - gradient[place]) < 1e-8, (name, place)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", required=True)
    parser.add_argument("--seed", type=int, default=29)
    arguments = parser.parse_args()
    inputs, labels = given(arguments.seed)
    loss, gradients = answer_loss(inputs, labels)
    check(inputs, labels, gradients)
    result = {**inputs, "labels": labels, "loss": np.array([loss])}
    result.update({f"gradient/{name}": value for name, value in gradients.items()})
    for name, (yes, no) in {"single": ([YES], [NO]), "variants": (YES_VARIANTS, NO_VARIANTS)}.items():
        result[f"{name}/twoWay"], result[f"{name}/doubleSoftmax"] = scores(inputs, yes, no)
    save(arguments.out, result, {"numpy": np.__version__, "seed": str(arguments.seed)})


if __name__ == "__main__":
    main()
