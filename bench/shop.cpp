#include "shop.hpp"

#include <algorithm>
#include <cmath>

namespace bench {
namespace {

// A prime, so that n → n * stride mod m reaches every number below a power of ten, in no order that an index could profit from.
constexpr std::int64_t stride = 2'654'435'761;

std::string make_random_bytes() {
  random_numbers random{42};
  std::string bytes(1 << 16, '\0');
  for (auto& byte : bytes) byte = static_cast<char>(random());
  return bytes;
}

}  // namespace

cart cart_of(std::int64_t number) {
  const auto customer = number / (events_per_customer / events_per_cart);
  const auto shop = number / (events_per_shop / events_per_cart);
  return {"cart:" + std::to_string(number), "customer:" + std::to_string(customer), "shop:" + std::to_string(shop)};
}

event random_event(random_numbers& random, std::int64_t cart_number) {
  static const std::string bytes = make_random_bytes();
  const auto start = static_cast<std::size_t>(random.below(static_cast<std::int64_t>(bytes.size() - payload_bytes)));
  return {event_types[random.below(std::size(event_types))], cart_of(cart_number), std::string_view{bytes}.substr(start, payload_bytes)};
}

chooser::chooser(spread how, std::int64_t carts, int clients) : how_(how), carts_(carts), clients_(clients) {
  if (how != spread::zipf) return;
  double sum = 0;
  for (std::int64_t n = 1; n <= carts; ++n) shares_.push_back(sum += std::pow(static_cast<double>(n), -0.99));
  for (auto& share : shares_) share /= sum;
}

std::int64_t chooser::next(session& client) const {
  switch (how_) {
    case spread::hot: return 0;
    case spread::zipf: {
      const auto rank = std::ranges::upper_bound(shares_, client.random.unit()) - shares_.begin();
      return rank * stride % carts_;
    }
    case spread::adjacent: return (client.random.below(carts_ / clients_) * clients_ + client.index) % carts_;
    case spread::uniform: break;
  }
  return client.random.below(carts_);
}

}  // namespace bench
