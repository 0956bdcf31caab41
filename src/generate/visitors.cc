#include "generate/visitors_internal.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace tarn::generate::clickstream {
namespace {

constexpr size_t kUsersAtStart = 5'000;
constexpr size_t kUsersPerDay = 200;
constexpr double kZipfExponent = 1.1;
constexpr double kMainDeviceShare = 0.8;
constexpr Micros kDay = 86'400'000'000;

template <size_t N>
constexpr std::array<double, N> Summed(std::array<double, N> shares) {
  for (size_t i = 1; i < N; ++i) shares[i] += shares[i - 1];
  return shares;
}

// The index of a drawn share; the last one takes what rounding leaves.
template <size_t N>
size_t Draw(const std::array<double, N>& summed, Random& random) {
  const double unit = random.Unit();
  size_t i = 0;
  while (i + 1 < N && unit >= summed[i]) ++i;
  return i;
}

constexpr std::array<std::string_view, 12> kCountries = {"US", "BR", "GB", "DE", "IN", "FR",
                                                         "CA", "ES", "AU", "JP", "MX", "NL"};
constexpr auto kCountryShares =
    Summed(std::array<double, 12>{.25, .12, .10, .10, .10, .08, .06, .05, .04, .04, .03, .03});

// In the order of kProductNames.
constexpr auto kProductShares = Summed(std::array<double, kProducts>{.25, .35, .20, .12, .08});

constexpr int kEnd = kEventTypes;
// From each event type (the last row: from the start) to each event type or the end.
constexpr std::array<std::array<double, kEventTypes + 1>, kEventTypes + 1> kFunnel = {
    Summed(std::array<double, 6>{.30, .45, 0, 0, 0, .25}),    // page_view
    Summed(std::array<double, 6>{.15, .40, .18, 0, 0, .27}),  // product_view
    Summed(std::array<double, 6>{.10, .30, 0, .40, 0, .20}),  // add_to_cart
    Summed(std::array<double, 6>{.05, .05, 0, 0, .70, .20}),  // checkout
    Summed(std::array<double, 6>{.20, .10, 0, 0, 0, .70}),    // purchase
    Summed(std::array<double, 6>{.60, .40, 0, 0, 0, 0}),      // start
};
constexpr size_t kStart = kEventTypes;

// Gaps between events, and how long a page is looked at.
constexpr double kGapMedianSeconds = 20, kGapSigma = 1;
constexpr int kTimeOnPageMax = 300;

struct Device {
  std::string_view type, os, browser, user_agent;
};
constexpr std::array<Device, 14> kDevices = {{
    {"mobile", "Android", "Chrome",
     "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.6478.122 Mobile "
     "Safari/537.36"},
    {"mobile", "iOS", "Safari",
     "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 "
     "Mobile/15E148 Safari/604.1"},
    {"mobile", "Android", "Samsung Internet",
     "Mozilla/5.0 (Linux; Android 14; SM-S921B) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/25.0 "
     "Chrome/121.0.0.0 Mobile Safari/537.36"},
    {"mobile", "Android", "Firefox", "Mozilla/5.0 (Android 14; Mobile; rv:127.0) Gecko/127.0 Firefox/127.0"},
    {"mobile", "iOS", "Chrome",
     "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
     "CriOS/126.0.6478.54 Mobile/15E148 Safari/604.1"},
    {"desktop", "Windows", "Chrome",
     "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36"},
    {"desktop", "Windows", "Edge",
     "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36 "
     "Edg/126.0.0.0"},
    {"desktop", "Windows", "Firefox",
     "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:127.0) Gecko/20100101 Firefox/127.0"},
    {"desktop", "macOS", "Safari",
     "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 "
     "Safari/605.1.15"},
    {"desktop", "macOS", "Chrome",
     "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 "
     "Safari/537.36"},
    {"desktop", "Linux", "Firefox", "Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0"},
    {"desktop", "Linux", "Chrome",
     "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36"},
    {"tablet", "iOS", "Safari",
     "Mozilla/5.0 (iPad; CPU OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 "
     "Mobile/15E148 Safari/604.1"},
    {"tablet", "Android", "Chrome",
     "Mozilla/5.0 (Linux; Android 14; SM-X710) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36"},
}};
constexpr auto kDeviceShares =
    Summed(std::array<double, 14>{.22, .20, .05, .02, .04, .18, .06, .03, .06, .04, .01, .02, .04, .03});

struct Screen {
  std::string_view device_type;
  int width, height;
};
constexpr std::array<Screen, 12> kScreens = {{{"mobile", 390, 844},
                                              {"mobile", 412, 915},
                                              {"mobile", 360, 800},
                                              {"mobile", 393, 873},
                                              {"desktop", 1920, 1080},
                                              {"desktop", 1366, 768},
                                              {"desktop", 1536, 864},
                                              {"desktop", 2560, 1440},
                                              {"desktop", 3840, 2160},
                                              {"tablet", 820, 1180},
                                              {"tablet", 768, 1024},
                                              {"tablet", 800, 1280}}};

// Pages of the shop, then those that visitors come from.
constexpr std::array<std::string_view, 21> kPages = {
    "https://shop.example.com/",
    "https://shop.example.com/category/computers",
    "https://shop.example.com/category/phones",
    "https://shop.example.com/category/audio",
    "https://shop.example.com/category/tablets",
    "https://shop.example.com/category/wearables",
    "https://shop.example.com/product/laptop",
    "https://shop.example.com/product/smartphone",
    "https://shop.example.com/product/headphones",
    "https://shop.example.com/product/tablet",
    "https://shop.example.com/product/smartwatch",
    "https://shop.example.com/checkout",
    "https://shop.example.com/order/confirmed",
    "https://www.google.com/search?q=laptop+deals",
    "https://www.google.com/search?q=best+smartphone",
    "https://www.bing.com/search?q=headphones+sale",
    "https://duckduckgo.com/?q=smartwatch+review",
    "https://www.facebook.com/",
    "https://www.instagram.com/",
    "https://news.example.org/technology/reviews",
    "https://mail.example.net/newsletter?campaign=weekly",
};
constexpr size_t kHomePage = 0, kProductPages = 6, kCheckoutPage = 11, kConfirmedPage = 12, kOutsidePages = 13;

// Scrolling grows with the time on the page, fast at first.
const std::array<uint8_t, kTimeOnPageMax + 1> kScrollByTime = [] {
  std::array<uint8_t, kTimeOnPageMax + 1> scroll{};
  for (int t = 0; t <= kTimeOnPageMax; ++t) scroll[size_t(t)] = uint8_t(std::lround(95 * (1 - std::exp(-t / 45.0))));
  return scroll;
}();

// To the millisecond, so that the last bit of a logarithm, which libraries round differently, tells nothing.
Micros DrawGap(Random& random) {
  const double seconds = kGapMedianSeconds * std::exp(kGapSigma * random.Normal());
  return Micros(std::lround(std::clamp(seconds, 1.0, 1799.0) * 1000)) * 1000;
}

uint8_t DrawScreen(std::string_view device_type, Random& random) {
  while (true)
    if (const uint64_t screen = random.Below(kScreens.size()); kScreens[screen].device_type == device_type)
      return uint8_t(screen);
}

// Public unicast, by its first number.
uint32_t DrawAddress(Random& random) {
  while (true) {
    const auto address = uint32_t(random.Next() >> 32);
    const uint32_t first = address >> 24;
    if (first >= 1 && first <= 223 && first != 10 && first != 127) return address;
  }
}

int DrawFromCart(uint8_t cart, Random& random) {
  for (uint64_t skip = random.Below(uint64_t(std::popcount(cart))); skip > 0; --skip) cart &= uint8_t(cart - 1);
  return std::countr_zero(cart);
}

}  // namespace

Visitors::User Visitors::MakeUser(size_t index) const {
  Random random(seed_ ^ (0x75736572ull << 32) ^ (index * 0x9e3779b97f4a7c15));
  User user{.id = DrawUuid(random), .country = uint8_t(Draw(kCountryShares, random))};
  for (int i = 0; i < 2; ++i) {
    do user.devices[i] = uint8_t(Draw(kDeviceShares, random));
    while (i == 1 && kDevices[user.devices[1]].type == kDevices[user.devices[0]].type);
    user.screens[i] = DrawScreen(kDevices[user.devices[i]].type, random);
  }
  return user;
}

void Visitors::Populate(size_t count) {
  users_.reserve(count);
  while (users_.size() < count) {
    const double before = activity_.empty() ? 0 : activity_.back();
    activity_.push_back(before + std::pow(double(users_.size() + 1), -kZipfExponent));
    users_.push_back(MakeUser(users_.size()));
  }
}

uint32_t Visitors::DrawUser(Micros now, Random& random) {
  const size_t count = kUsersAtStart + kUsersPerDay * size_t(std::max<Micros>(now - start_, 0) / kDay);
  Populate(count);
  const auto end = activity_.begin() + ptrdiff_t(count);
  const auto drawn = std::upper_bound(activity_.begin(), end, random.Unit() * *(end - 1));
  return uint32_t(std::min(drawn, end - 1) - activity_.begin());
}

Session Visitors::Open(Micros now, Random& random) {
  Session session{.id = DrawUuid(random), .due = now, .user = DrawUser(now, random)};
  const User& user = users_[session.user];
  const int device = random.Chance(kMainDeviceShare) ? 0 : 1;
  session.device = user.devices[device];
  session.screen = user.screens[device];
  session.ip_address = DrawAddress(random);
  session.previous_page = uint8_t(kOutsidePages + random.Below(kPages.size() - kOutsidePages));
  session.next = EventType(Draw(kFunnel[kStart], random));
  return session;
}

void Visitors::FillPage(Session& session, Random& random, Event& event) {
  size_t page = kHomePage;
  event.product = -1;
  switch (session.next) {
    case EventType::kPageView:
      page = kHomePage + random.Below(kProductPages - kHomePage);
      break;
    case EventType::kProductView:
      event.product = session.product = int8_t(Draw(kProductShares, random));
      page = kProductPages + size_t(event.product);
      break;
    case EventType::kAddToCart:
      event.product = session.product;
      session.cart |= uint8_t(1 << event.product);
      page = kProductPages + size_t(event.product);
      break;
    case EventType::kCheckout:
      event.product = DrawFromCart(session.cart, random);
      page = kCheckoutPage;
      break;
    case EventType::kPurchase:
      event.product = DrawFromCart(session.cart, random);
      session.cart = 0;
      page = kConfirmedPage;
      break;
  }
  event.page_url = kPages[page];
  event.referrer = kPages[session.previous_page];
  session.previous_page = uint8_t(page);
}

bool Visitors::Step(Session& session, Random& random, Event& event) {
  Populate(session.user + 1);
  const User& user = users_[session.user];
  const Device& device = kDevices[session.device];
  const Screen& screen = kScreens[session.screen];
  event.event_id = DrawUuid(random);
  event.user_id = user.id;
  event.session_id = session.id;
  event.type = session.next;
  event.timestamp = session.due;
  FillPage(session, random, event);
  event.user_agent = device.user_agent;
  event.ip_address = session.ip_address;
  event.device_type = device.type;
  event.browser = device.browser;
  event.os = device.os;
  event.country = kCountries[user.country];
  event.screen_width = screen.width;
  event.screen_height = screen.height;
  const Micros gap = DrawGap(random);
  event.time_on_page = int(std::clamp<Micros>(gap / 1'000'000, 1, kTimeOnPageMax));
  const uint64_t bits = random.Next();  // enough for three small numbers
  event.scroll_depth = std::clamp(kScrollByTime[size_t(event.time_on_page)] + int(bits % 17) - 8, 0, 100);
  event.click_x = int((bits >> 8) % uint64_t(screen.width));
  event.click_y = int((bits >> 32) % uint64_t(screen.height));
  const size_t next = Draw(kFunnel[size_t(session.next)], random);
  if (next == kEnd) return false;
  session.next = EventType(next);
  session.due += gap;
  return true;
}

bool Visitors::Plausible(const Session& session) {
  const bool needs_cart = session.next == EventType::kCheckout || session.next == EventType::kPurchase;
  return session.user < 10'000'000 && session.device < kDevices.size() && session.screen < kScreens.size() &&
         session.previous_page < kPages.size() && int(session.next) < kEventTypes && session.product < kProducts &&
         session.product >= (session.next == EventType::kAddToCart ? 0 : -1) && session.cart < 1 << kProducts &&
         (!needs_cart || session.cart != 0);
}

}  // namespace tarn::generate::clickstream
