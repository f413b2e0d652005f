#include <dcb/reflect.hpp>

#include <gtest/gtest.h>

#include <array>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_set>
#include <variant>
#include <vector>

namespace names {
struct Plain {
  int a;
  std::string bee;
};
struct Nested {
  Plain plain;
  std::optional<Plain> maybe;
  std::vector<Nested> children;
};
struct Kinds {
  std::array<int, 3> array;
  std::map<std::string, int> map{};
  std::unordered_set<int> set{};
  std::variant<int, std::string> variant{};
  std::unique_ptr<int> pointer{};
  std::function<int(int)> function{};
  bool flag = true;
  double number = 1.5;
};
struct Empty {};
template <class T>
struct Box {
  T content;
};
}  // namespace names

namespace {

struct Hidden {
  int here;
};

struct Widest {
  int a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12, a13, a14, a15, a16, a17, a18, a19, a20, a21, a22, a23, a24, a25, a26, a27, a28, a29, a30,
      a31, a32;
};

template <class T>
std::string joined_names() {
  std::string all;
  for (const auto name : dcb::reflect::member_names<T>) (all += name) += ' ';
  return all;
}

TEST(reflect, names_members_in_order) {
  EXPECT_EQ(joined_names<names::Plain>(), "a bee ");
  EXPECT_EQ(joined_names<names::Nested>(), "plain maybe children ");
  EXPECT_EQ(joined_names<names::Kinds>(), "array map set variant pointer function flag number ");
  EXPECT_EQ(joined_names<names::Empty>(), "");
  EXPECT_EQ(joined_names<names::Box<names::Plain>>(), "content ");
  EXPECT_EQ(joined_names<Hidden>(), "here ");
  struct Local {
    int x, y;
  };
  EXPECT_EQ(joined_names<Local>(), "x y ");
}

TEST(reflect, up_to_32_members) {
  EXPECT_EQ(dcb::reflect::member_count<Widest>(), 32u);
  EXPECT_EQ(dcb::reflect::member_names<Widest>.back(), "a32");
  Widest widest{};
  std::get<31>(dcb::reflect::tie(widest)) = 7;
  EXPECT_EQ(widest.a32, 7);
}

TEST(reflect, names_types_without_their_scopes) {
  EXPECT_EQ(dcb::reflect::type_name<names::Plain>(), "Plain");
  EXPECT_EQ(dcb::reflect::type_name<Hidden>(), "Hidden");
  struct Local {};
  EXPECT_EQ(dcb::reflect::type_name<Local>(), "Local");
}

TEST(reflect, members_are_the_members) {
  names::Plain plain{1, "b"};
  dcb::reflect::with_members(plain, [](int& a, std::string& bee) { a += 1, bee += "ee"; });
  EXPECT_EQ(plain.a, 2);
  EXPECT_EQ(plain.bee, "bee");
}

}  // namespace
