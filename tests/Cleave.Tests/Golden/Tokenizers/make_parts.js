// Makes parts.json: what Hugging Face's tokenizers library (npm @anush008/tokenizers 0.6.0, a binding of the Rust library)
// does with single normalizers, pre-tokenizers and decoders of tokenizer.json.
// Usage: npm install @anush008/tokenizers@0.6.0 && node make_parts.js > parts.json
// The model has every character as a token, and as "##" + character where it does not begin a piece, so that the ids show
// both the normalized text and where it was cut.
const { Tokenizer } = require("@anush008/tokenizers");

const texts = [
  "", " ", "Hello, World!", "  two  blanks ", "don't stop 'til 12345 is 6789", "naïve Café ÅÉÎÕÜ ﬁﬂ ① ½",
  "e\u0301a\u0323\u0307 \u1E0A\u0323 \u212B \u0344", "日本語 and 中文字 mixed", "안녕 한글 각", "tab\tnew\nline\r\n end",
  "a-b_c--d  e..f", "ΑΣΣ ΣΊΣ İI ıi ẞß", "\u200Bzero\u200Dwidth\u00A0nbsp\u3000wide", "x1y22z333 ٣٤ Ⅷ ²", "👍🏽 👨‍👩‍👧 ok",
  "▁mark ▁▁two", "CamelCaseWordsHTTPServer", "!?...,;", "a\u0000b\u0007c\uFFFDd", "हिन्दी ไทย",
];
const normalizers = [
  null, { type: "NFC" }, { type: "NFD" }, { type: "NFKC" }, { type: "NFKD" }, { type: "Lowercase" },
  { type: "Sequence", normalizers: [{ type: "NFD" }, { type: "StripAccents" }, { type: "Lowercase" }] },
  { type: "BertNormalizer", clean_text: true, handle_chinese_chars: true, strip_accents: null, lowercase: true },
  { type: "BertNormalizer", clean_text: true, handle_chinese_chars: false, strip_accents: true, lowercase: false },
  { type: "BertNormalizer", clean_text: false, handle_chinese_chars: true, strip_accents: false, lowercase: true },
  { type: "Replace", pattern: { String: "a" }, content: "<A>" }, { type: "Replace", pattern: { Regex: "\\s+" }, content: "_" },
  { type: "Replace", pattern: { Regex: "[0-9]+(?=\\s)" }, content: "" }, { type: "Prepend", prepend: "▁" },
  { type: "Strip", strip_left: true, strip_right: false }, { type: "Strip", strip_left: true, strip_right: true }, { type: "Nmt" },
];
const split = (pattern, behavior, invert = false) => ({ type: "Split", pattern, behavior, invert });
const preTokenizers = [
  { type: "Whitespace" }, { type: "WhitespaceSplit" }, { type: "BertPreTokenizer" }, { type: "Punctuation", behavior: "Isolated" },
  { type: "Punctuation", behavior: "Contiguous" }, { type: "Digits", individual_digits: true }, { type: "Digits", individual_digits: false },
  { type: "CharDelimiterSplit", delimiter: "a" },
  { type: "Metaspace", replacement: "▁", prepend_scheme: "always", split: true },
  { type: "Metaspace", replacement: "▁", prepend_scheme: "never", split: true },
  { type: "Metaspace", replacement: "▁", prepend_scheme: "first", split: false },
  ...["Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous"].flatMap((b) => [split({ String: "-" }, b), split({ Regex: "[0-9.]" }, b, true)]),
  split({ Regex: "(?=[A-Z])" }, "Isolated"), split({ Regex: "\\w+|[^\\w\\s]+" }, "Removed", true), split({ Regex: "\\p{Han}+" }, "Isolated"),
  split({ Regex: "[\\p{L}&&[^\\p{Lu}]]+" }, "Isolated"), split({ Regex: "\\p{N}{1,3}" }, "Isolated"), split({ Regex: "[[:punct:]]" }, "Isolated"),
  split({ Regex: "[^\\s]++" }, "Isolated"),
  { type: "Sequence", pretokenizers: [{ type: "WhitespaceSplit" }, { type: "Metaspace", replacement: "▁", prepend_scheme: "always", split: true }] },
  { type: "Sequence", pretokenizers: [{ type: "Punctuation", behavior: "Contiguous" }, { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: true }, { type: "Digits", individual_digits: false }] },
  { type: "ByteLevel", add_prefix_space: true, trim_offsets: true, use_regex: true }, { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: false },
];
const decoders = [
  null, { type: "ByteLevel", add_prefix_space: true, trim_offsets: true, use_regex: true }, { type: "WordPiece", prefix: "##", cleanup: true },
  { type: "WordPiece", prefix: "##", cleanup: false }, { type: "BPEDecoder", suffix: "</w>" }, { type: "Fuse" }, { type: "ByteFallback" },
  { type: "Metaspace", replacement: "▁", prepend_scheme: "always", split: true }, { type: "Metaspace", replacement: "▁", prepend_scheme: "never", split: true },
  { type: "Strip", content: "▁", start: 1, stop: 0 }, { type: "Replace", pattern: { String: "l" }, content: "" },
  { type: "Sequence", decoders: [{ type: "Replace", pattern: { String: "▁" }, content: " " }, { type: "ByteFallback" }, { type: "Fuse" }, { type: "Strip", content: " ", start: 1, stop: 0 }] },
  { type: "CTC", pad_token: "<pad>", word_delimiter_token: "|", cleanup: true },
];
const words = ["▁He", "llo", "▁", "▁▁w", "##ing", "##s", "word", ".", ",", "n't", "'s", "end</w>", "</w>", "<0xE4>", "<0xBD>", "<0xA0>", "<0x21>", "Ġthe", "ÃĹ", "é", "<pad>", "|", "do not", "ll", "▁x▁"];

const model = (vocab) => ({ type: "BPE", dropout: null, unk_token: "<unk>", continuing_subword_prefix: "##", end_of_word_suffix: null, fuse_unk: false, byte_fallback: false, vocab, merges: [] });
const json = (vocab, parts) => JSON.stringify({ version: "1.0", truncation: null, padding: null, added_tokens: [], normalizer: null, pre_tokenizer: null, post_processor: null, decoder: null, model: model(vocab), ...parts });
const characters = new Set(["<", ">", "_", " ", "▁", "A"]);
for (const text of texts) for (const form of ["NFC", "NFD", "NFKC", "NFKD"]) for (const cased of [text, text.toLowerCase()]) for (const c of cased.normalize(form)) characters.add(c);
for (let b = 0; b < 324; b++) characters.add(String.fromCharCode(b));
const vocab = { "<unk>": 0 };
for (const c of [...characters].sort()) for (const token of [c, "##" + c]) vocab[token] = Object.keys(vocab).length;
const wordVocab = Object.fromEntries(words.map((w, i) => [w, i]));
wordVocab["<unk>"] = words.length;
const byId = (tokens) => Object.keys(tokens).sort((a, b) => tokens[a] - tokens[b]); // digits would come first
let seed = 7;
const next = (n) => (seed = (seed * 48271) % 2147483647) % n;
const sequences = Array.from({ length: 30 }, () => Array.from({ length: 1 + next(9) }, () => next(words.length)));

(async () => {
  const run = async (part, value) => {
    const tokenizer = Tokenizer.fromString(json(vocab, { [part]: value }));
    const ids = [];
    for (const text of texts) ids.push([...(await tokenizer.encode(text, null, { addSpecialTokens: false })).getIds()]);
    return { [part]: value, ids };
  };
  const cases = [];
  for (const n of normalizers) cases.push(await run("normalizer", n));
  for (const p of preTokenizers) cases.push(await run("pre_tokenizer", p));
  const decoded = [];
  for (const d of decoders) {
    const tokenizer = Tokenizer.fromString(json(wordVocab, { decoder: d }));
    const out = [];
    for (const s of sequences) out.push(await tokenizer.decode(s, false));
    decoded.push({ decoder: d, texts: out });
  }
  process.stdout.write(JSON.stringify({ texts, vocab: byId(vocab), cases, words: byId(wordVocab), sequences, decoded }) + "\n");
})();
