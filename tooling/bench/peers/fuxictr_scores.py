import numpy as np


def scores(model, loader, labels):
    """AUC and logloss by the peer's evaluate, accuracy at 0.5 from its predictions."""
    metrics = model.evaluate(loader)
    accuracy = np.mean((model.predict(loader) >= 0.5) == (labels == 1))
    return {"auc": float(metrics["AUC"]), "logloss": float(metrics["logloss"]), "accuracy": float(accuracy)}
