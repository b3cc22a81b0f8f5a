// Predictions of a model, remembered by the hash of their features.
#include <openssl/sha.h>
#include <cacherator/cacherator.hpp>

#include <cstdio>
#include <functional>
#include <iostream>

using cacherator::CachedMethod;
using cacherator::Days;
using cacherator::JSONCache;

std::function<double(const std::vector<double>&)> load_model() {
  return [weights = std::vector{0.5, 0.25, 2.0}](const std::vector<double>& features) {
    double sum = 0;
    for (std::size_t i = 0; i < weights.size(); ++i) sum += weights[i] * features[i];
    return sum;
  };
}

/// As the Python example does it: of the list's text.
std::string hash_of(const std::vector<double>& features) {
  std::string text;
  cacherator::append_signature(text, features);
  unsigned char digest[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest);
  char hex[9];
  std::snprintf(hex, sizeof hex, "%02x%02x%02x%02x", digest[0], digest[1], digest[2], digest[3]);
  return hex;
}

class ModelPredictor : public JSONCache {
  std::function<double(const std::vector<double>&)> model_ = load_model();
  // Cache predictions by feature hash
  double predict_(const std::string&, const std::vector<double>& features) { return model_(features); }

 public:
  ModelPredictor() : JSONCache({.data_id = "ml_predictor"}) {}
  CachedMethod<&ModelPredictor::predict_> predict{this, {.ttl = Days{30}}};
};

int main() {
  ModelPredictor predictor;
  for (const std::vector<double>& features : {std::vector{1.0, 2.0, 3.75}, std::vector{0.0, 4.0, 1.25}}) {
    const std::string features_hash = hash_of(features);
    const double prediction = predictor.predict(features_hash, features);
    std::cout << features_hash << ": " << prediction << " (" << *predictor.last_cache_status() << ")\n";
  }
}
