#include <dcb/error.hpp>
#include <dcb/json.hpp>
#include <dcb/msgpack.hpp>

#include <array>
#include <cmath>

namespace dcb::inline v0::json {
namespace {

// Whether a member of a fresh object is something else than its type's empty value.
bool has_initialiser(const layout& type, void* fresh, std::size_t index) {
  const member& about = type.members[index];
  msgpack::binary_writer initial{about.name};  // which can hold everything
  msgpack::binary_writer empty{about.name};
  about.type->write(initial, type.at(fresh, index));
  about.type->write_empty(empty);
  return initial.take() != empty.take();
}

}  // namespace

std::string path::text() const {
  std::string text = parent ? parent->text() : std::string{};
  if (index) return text + '[' + std::to_string(*index) + ']';
  if (!text.empty() && !name.empty()) text += '.';
  return text += name;
}

void reader::fail(const std::string& what) const { throw decode_error{path_->text() + ": " + what}; }

std::size_t reader::depth_within() const {
  if (depth_ == max_depth) fail("nested more than " + std::to_string(max_depth) + " deep");
  return depth_ + 1;
}

float reader::take_float() {
  const double value = take_double();
  const auto narrow = static_cast<float>(value);
  if (std::isinf(narrow) && !std::isinf(value)) fail("a number beyond what a float can hold");
  return narrow;
}

uuid reader::take_uuid() { return read_uuid(*this, take_string()); }

uuid read_uuid(const reader& in, std::string_view text) {
  try {
    return uuid::from_string(text);
  } catch (const error& failure) {
    in.fail(failure.what());
  }
}

void reader::take_object(void* object, const layout& type) {
  struct walk {
    void* object;
    const layout& type;
    std::array<bool, reflect::max_members> seen{};
  } walked{object, type};
  take_entries(&walked, [](reader& value, std::string_view key, void* context) {
    auto& [object, type, seen] = *static_cast<walk*>(context);
    for (std::size_t i = 0; i < type.members.size(); ++i) {
      if (type.members[i].name != key) continue;
      type.members[i].type->read(value, type.at(object, i));
      seen[i] = true;
      return;
    }
  });
  for (std::size_t i = 0; i < type.members.size(); ++i) {
    if (walked.seen[i] || type.members[i].may_be_missing || type.with_fresh(has_initialiser, i)) continue;
    throw decode_error{path{path_, type.members[i].name, {}}.text() + ": missing",
                       {.hint = "Make the member a std::optional, or name it in `defaulted`, so that older events can be read."}};
  }
}

void writer::fail(const std::string& what) const { throw error{path_->text() + ": " + what, {.sqlstate = "DCB03"}}; }

void writer::open(char bracket) {
  if (depth_ == max_depth) fail("nested more than " + std::to_string(max_depth) + " deep");
  ++depth_;
  opened(bracket);
}

void writer::close(char bracket) {
  --depth_;
  closed(bracket);
}

void writer::put_object(const void* object, const layout& type) {
  const path* const outer = path_;
  open('{');
  for (std::size_t i = 0; i < type.members.size(); ++i) {
    const path here{outer, type.members[i].name, {}};
    path_ = &here;
    put_key(type.members[i].name);
    type.members[i].type->write(*this, type.at(const_cast<void*>(object), i));  // which only finds the member
  }
  path_ = outer;
  close('}');
}

}  // namespace dcb::inline v0::json
