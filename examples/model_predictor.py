"""Predictions of a model, remembered by the hash of their features."""

import hashlib
from typing import Callable, List

from cacherator import Cached, JSONCache


def load_model() -> "Callable[[List[float]], float]":
    weights = [0.5, 0.25, 2.0]
    return lambda features: sum(weight * feature for weight, feature in zip(weights, features))


class ModelPredictor(JSONCache):
    def __init__(self) -> None:
        self._excluded_cache_vars = ["model"]
        super().__init__(data_id="ml_predictor")
        self.model = load_model()

    @Cached(ttl=30)
    def predict(self, features_hash: str, features: List[float]) -> float:
        # Cache predictions by feature hash
        return self.model(features)


if __name__ == "__main__":
    predictor = ModelPredictor()
    for features in ([1.0, 2.0, 3.75], [0.0, 4.0, 1.25]):
        features_hash = hashlib.sha256(repr(features).encode()).hexdigest()[:8]
        print(f"{features_hash}: {predictor.predict(features_hash, features)} ({predictor.last_cache_status})")
