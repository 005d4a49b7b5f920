// Makes beyond.json: where Hugging Face's tokenizers library (npm @anush008/tokenizers 0.6.0, a binding of the Rust library)
// cuts by patterns that hold characters beyond U+FFFF. The model has every character as a token, and as "##" + character where
// it does not begin a piece.
// Usage: npm install @anush008/tokenizers@0.6.0 && node make_beyond.js > beyond.json
const { Tokenizer } = require("@anush008/tokenizers");

const patterns = ["👍", "[😀-🙏]+", "[^😀-🙏 ]+", "\\x{1F600}+|\\p{L}+", "[a-c𝐀-𝐙]+", "𝐀?[一-\u{2FA1F}]+", "[^\\s\\x{1F44D}]", "[\u2600-\u27BF\u{1F300}-\u{1FAFF}]+", "👍🏽|[🏻-🏿]", "[🌀-🗿&&[^🎉]]", "\\p{Ll}𝐚|𝐚+"];
const texts = ["ok 👍 fine👍👍", "😀😁x🙏 🚀😀", "a𝐀𝐁c𝐚𝐚 d", "漢字𠀀𠀁 𝐀漢", "👍🏽👍🏿👍", "☃️ ⛄🌍🎉🎊 ✂", "ꀁ⠀ⵀ 😀 ꀂ", "\u{10FFFF}\u{1F600}\u{1D7D8}5", "x𝐚y𝐚𝐚"];
const characters = [...new Set(texts.join(""))].sort();
const vocab = { "<unk>": 0 };
for (const c of characters) for (const t of [c, "##" + c]) vocab[t] = Object.keys(vocab).length;
const json = (pattern, behavior) => JSON.stringify({
  version: "1.0", truncation: null, padding: null, added_tokens: [], normalizer: null, post_processor: null, decoder: null,
  pre_tokenizer: { type: "Split", pattern: { Regex: pattern }, behavior, invert: false },
  model: { type: "BPE", dropout: null, unk_token: "<unk>", continuing_subword_prefix: "##", end_of_word_suffix: null, fuse_unk: false, byte_fallback: false, vocab, merges: [] },
});

(async () => {
  const cases = [];
  for (const pattern of patterns) {
    const tokenizer = Tokenizer.fromString(json(pattern, "Isolated"));
    const ids = [];
    for (const text of texts) ids.push([...(await tokenizer.encode(text, null, { addSpecialTokens: false })).getIds()]);
    cases.push({ pattern, ids });
  }
  const byId = Object.keys(vocab).sort((a, b) => vocab[a] - vocab[b]);
  process.stdout.write(JSON.stringify({ texts, vocab: byId, cases }) + "\n");
})();
