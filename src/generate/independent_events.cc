#include <array>
#include <string>
#include <string_view>

#include "generate/independent_events_internal.h"

namespace tarn::generate::clickstream {
namespace {

constexpr std::string_view kAlpha2 =
    "ADAEAFAGAIALAMAOAQARASATAUAWAXAZBABBBDBEBFBGBHBIBJBLBMBNBOBQBRBSBTBVBWBYBZCACCCDCFCGCHCICKCLCMCNCOCRCUCVCWCXCYCZDE"
    "DJDK"
    "DMDODZECEEEGEHERESETFIFJFKFMFOFRGAGBGDGEGFGGGHGIGLGMGNGPGQGRGSGTGUGWGYHKHMHNHRHTHUIDIEILIMINIOIQIRISITJEJMJOJPKEKG"
    "KHKI"
    "KMKNKPKRKWKYKZLALBLCLILKLRLSLTLULVLYMAMCMDMEMFMGMHMKMLMMMNMOMPMQMRMSMTMUMVMWMXMYMZNANCNENFNGNINLNONPNRNUNZOMPAPEPF"
    "PGPH"
    "PKPLPMPNPRPSPTPWPYQARERORSRURWSASBSCSDSESGSHSISJSKSLSMSNSOSRSSSTSVSXSYSZTCTDTFTGTHTJTKTLTMTNTOTRTTTVTWTZUAUGUMUSUY"
    "UZVA"
    "VCVEVGVIVNVUWFWSYEYTZAZMZW";

void AppendWord(std::string& text, Random& random) {
  for (uint64_t letters = 4 + random.Below(7); letters > 0; --letters) text += char('a' + random.Below(26));
}

void DrawUrl(std::string& url, Random& random) {
  url = "https://www.";
  AppendWord(url, random);
  url += random.Chance(0.5) ? ".com/" : ".org/";
  AppendWord(url, random);
  url += '/';
  AppendWord(url, random);
}

void DrawChromeUserAgent(std::string& text, Random& random) {
  static constexpr std::array<std::string_view, 3> kSystems = {
      "Windows NT 10.0; Win64; x64", "Macintosh; Intel Mac OS X 10_15_7", "X11; Linux x86_64"};
  text = "Mozilla/5.0 (";
  text += kSystems[random.Below(kSystems.size())];
  text += ") AppleWebKit/537.36 (KHTML, like Gecko) Chrome/";
  text += std::to_string(random.Between(90, 126)) + ".0." + std::to_string(random.Between(4000, 6500));
  text += ".0 Safari/537.36";
}

void DrawUserAgent(std::string& text, Random& random) {
  if (random.Chance(0.6)) return DrawChromeUserAgent(text, random);
  const std::string version = std::to_string(random.Between(90, 127)) + ".0";
  text = "Mozilla/5.0 (X11; Linux x86_64; rv:" + version + ") Gecko/20100101 Firefox/" + version;
}

// Public unicast, by its first number.
uint32_t DrawAddress(Random& random) {
  return uint32_t(random.Between(1, 9)) << 24 | uint32_t(random.Below(1 << 24));
}

}  // namespace

void IndependentEvents::Make(Micros now, Random& random, Event& event) {
  static constexpr std::array<std::string_view, 3> kDeviceTypes = {"mobile", "desktop", "tablet"};
  static constexpr std::array<std::string_view, 5> kSystems = {"Windows", "macOS", "Linux", "iOS", "Android"};
  event.event_id = DrawUuid(random);
  event.user_id = DrawUuid(random);
  event.session_id = DrawUuid(random);
  event.type = EventType(random.Below(kEventTypes));
  event.product = int(random.Below(kProducts));
  event.timestamp = now;
  DrawUrl(page_url_, random);
  DrawUrl(referrer_, random);
  DrawChromeUserAgent(browser_, random);
  event.page_url = page_url_;
  event.referrer = referrer_;
  event.browser = browser_;
  DrawUserAgent(user_agent_, random);
  event.user_agent = user_agent_;
  event.ip_address = DrawAddress(random);
  event.device_type = kDeviceTypes[random.Below(kDeviceTypes.size())];
  event.os = kSystems[random.Below(kSystems.size())];
  event.country = kAlpha2.substr(2 * random.Below(kAlpha2.size() / 2), 2);
  event.screen_width = int(random.Between(800, 3840));
  event.screen_height = int(random.Between(600, 2160));
  event.time_on_page = int(random.Between(1, 300));
  event.scroll_depth = int(random.Between(0, 100));
  event.click_x = int(random.Between(0, 1920));
  event.click_y = int(random.Between(0, 1080));
}

}  // namespace tarn::generate::clickstream
