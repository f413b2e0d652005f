// Uses the typed front, the JSON codec and the store, so that every library behind them has to be linked.
#include <dcb/dcb.hpp>
#include <dcb/testing.hpp>

struct Greeted { dcb::id<> name; };
using Event = std::variant<Greeted>;
struct Guest {
  dcb::id<> name;
  bool greeted = false;
  void apply(const Greeted&) { greeted = true; }
};
struct Greet {
  std::string name;
  auto states() const { return Guest{name}; }
  dcb::decided<Event, int> decide(const Guest& guest) const {
    if (guest.greeted) return 1;
    return Greeted{name};
  }
};

int main() {
  dcb::given().when(Greet{"Ann"}).then(Greeted{"Ann"});
  dcb::given(Greeted{"Ann"}).when(Greet{"Ann"}).then_error(1);
  const dcb::store<Event> store{"host=/nowhere", "guests"};
  try {
    store.head();
  } catch (const dcb::connection_error&) {
    return 0;
  }
  return 1;
}
