// SPDX-License-Identifier: Apache-2.0
#include "ocelli/box/coder.hpp"

#include <doctest/doctest.h>

#include <limits>

#include "ocelli/core/random.hpp"
#include "support/vectors.hpp"

using namespace ocelli;

namespace {
BoxOf<double> box_of(const nlohmann::json& v) { return {v[0], v[1], v[2], v[3]}; }
BoxCoder<double> coder_of(const nlohmann::json& v) { return {v[0], v[1], v[2], v[3]}; }
}  // namespace

TEST_CASE("coder: as published") {
  const nlohmann::json v = test::vectors("box_coder");
  const auto near = [](double a, const nlohmann::json& b) {
    return std::abs(a - b.get<double>()) <= 1e-12 * std::fmax(1, std::abs(b.get<double>()));
  };
  REQUIRE(v["encode"].size() == 15);
  for (const auto& c : v["encode"]) {
    const BoxCoder<double> coder = coder_of(c["scales"]);
    const BoxCode<double> code = coder.encode(box_of(c["box"]), box_of(c["anchor"]));
    CHECK(near(code.y, c["code"][0]));
    CHECK(near(code.x, c["code"][1]));
    CHECK(near(code.height, c["code"][2]));
    CHECK(near(code.width, c["code"][3]));
    const BoxOf<double> back = coder.decode(code, box_of(c["anchor"]));
    CHECK(near(back.ymin, c["decoded"][0]));
    CHECK(near(back.xmax, c["decoded"][3]));
  }
  for (const auto& c : v["decode"]) {
    const BoxOf<double> box =
        coder_of(c["scales"])
            .decode({c["code"][0], c["code"][1], c["code"][2], c["code"][3]}, box_of(c["anchor"]));
    CHECK(near(box.ymin, c["box"][0]));
    CHECK(near(box.xmin, c["box"][1]));
    CHECK(near(box.ymax, c["box"][2]));
    CHECK(near(box.xmax, c["box"][3]));
  }
}

TEST_CASE("coder: decode undoes encode, in float and many at once") {
  Random random(1, Stream::demo);
  const BoxCoder<float> coder;
  for (int i = 0; i < 200; ++i) {
    const auto draw = [&] {
      const float y = random.uniform(), x = random.uniform();
      return Box{y, x, y + random.uniform(0.01f, 1), x + random.uniform(0.01f, 1)};
    };
    const Box box = draw(), anchor = draw();
    const BoxCode<float> code = coder.encode(box, anchor);
    const float flat[4] = {code.y, code.x, code.height, code.width};
    const CenterBoxOf<float> center = centered(anchor);
    Box back;
    coder.decode_all(flat, &center, 1, &back);
    CHECK(back == coder.decode(code, anchor));
    // Sizes up to 1 with exponents of at most ln 100: some tens of roundings.
    CHECK(std::abs(back.ymin - box.ymin) < 1e-5f);
    CHECK(std::abs(back.xmin - box.xmin) < 1e-5f);
    CHECK(std::abs(back.ymax - box.ymax) < 1e-5f);
    CHECK(std::abs(back.xmax - box.xmax) < 1e-5f);
  }
}

TEST_CASE("coder: a box without area has a finite code; huge codes give infinite boxes") {
  const BoxCoder<float> coder;
  const BoxCode<float> code = coder.encode({0.5f, 0.5f, 0.5f, 0.5f}, {0, 0, 1, 1});
  CHECK(std::isfinite(code.height));
  CHECK(code.height < -80);
  CHECK(std::isinf(coder.decode({0, 0, 1000, 0}, Box{0, 0, 1, 1}).ymax));
  CHECK_THROWS_AS((BoxCoder<float>{0, 10, 5, 5}.check()), ConfigError);
}
