// The official JavaScript client, unchanged, against servers that a .NET test has started (OpenAiJavaScriptTests):
//   node client.mjs WORDS CALLER KEYED
// WORDS counts words and classifies, CALLER is a model whose template has tools, KEYED asks for keys. Each thing that works is a line.
import assert from "node:assert/strict";
import OpenAI from "openai";

const [words, caller, keyed] = process.argv.slice(2).map(url => new OpenAI({ baseURL: url + "/v1", apiKey: "any", maxRetries: 0 }));
const user = content => [{ role: "user", content }];
const city = { type: "object", properties: { city: { type: "string", maxLength: 8 } }, required: ["city"], additionalProperties: false };
const tools = [
  { type: "function", function: { name: "weather", description: "Tells the weather.", parameters: city } },
  { type: "function", function: { name: "zone" } },
];

async function fails(type, status, code, promise) {
  const error = await promise.then(() => assert.fail("was answered"), e => e);
  assert.ok(error instanceof type, `${error.constructor.name} in place of ${type.name}: ${error.message}`);
  assert.deepEqual([error.status, error.code], [status, code]);
  return error;
}

const checks = {
  async models() {
    const ids = [];
    for await (const model of words.models.list())
      ids.push(model.id);
    assert.deepEqual(ids, ["mood", "reply", "größe", "auto"]);
    assert.equal((await words.models.retrieve("reply")).owned_by, "cleave");
    assert.equal((await words.models.retrieve("größe")).id, "größe");
  },

  async chat() {
    const { data, response } = await words.chat.completions.create({ model: "mood", messages: user("go away!") }).withResponse();
    assert.deepEqual(data.choices[0].message, { role: "assistant", content: "loud" });
    assert.equal(data.choices[0].finish_reason, "stop");
    assert.deepEqual(data.usage, { prompt_tokens: 2, completion_tokens: 1, total_tokens: 3 });
    assert.equal(response.headers.get("x-cleave-module"), "mood");
    assert.ok(data._request_id);
    const short = await words.chat.completions.create({ model: "reply", messages: user("x"), max_completion_tokens: 3, temperature: 0.5, top_p: 0.5, seed: 7, user: "u" });
    assert.deepEqual([short.choices[0].message.content, short.choices[0].finish_reason], ["1 2 3", "length"]);
    const stopped = await words.chat.completions.create({ model: "reply", messages: user("x"), stop: ["3 4"] });
    assert.deepEqual([stopped.choices[0].message.content, stopped.choices[0].finish_reason], ["1 2 ", "stop"]);
    const routed = await words.chat.completions.create({ model: "auto", messages: user("please reply") });
    assert.equal(routed.model, "reply");
    const several = await words.chat.completions.create({ model: "reply", messages: user("x"), n: 3 });
    assert.deepEqual(several.choices.map(c => c.index), [0, 1, 2]);
    const plain = await words.completions.create({ model: "reply", prompt: "x", max_tokens: 2 });
    assert.equal(plain.choices[0].text, "1 2");
  },

  async streaming() {
    const pieces = [];
    let usage;
    const stream = await words.chat.completions.create({ model: "reply", messages: user("hello there"), stream: true, stream_options: { include_usage: true } });
    for await (const chunk of stream) {
      pieces.push(...chunk.choices.map(c => c.delta.content).filter(Boolean));
      usage = chunk.usage ?? usage;
    }
    assert.deepEqual(pieces, ["1", " 2", " 3", " 4", " 5"]);
    assert.equal(usage.total_tokens, 7);
    const gathered = await words.chat.completions.stream({ model: "reply", messages: user("x") }).finalChatCompletion();
    assert.deepEqual([gathered.choices[0].message.content, gathered.choices[0].finish_reason], ["1 2 3 4 5", "length"]);
  },

  async tools() {
    const ask = { model: "caller", messages: user("weather?"), tools, max_tokens: 200 };
    const first = await caller.chat.completions.create(ask);
    assert.equal(first.choices[0].finish_reason, "tool_calls");
    const call = first.choices[0].message.tool_calls[0];
    assert.deepEqual([call.type, call.function.name, JSON.parse(call.function.arguments)], ["function", "weather", { city: "" }]);
    const messages = [...ask.messages, first.choices[0].message, { role: "tool", tool_call_id: call.id, content: "rain" }];
    const second = await caller.chat.completions.create({ ...ask, messages, tool_choice: "none" });
    assert.deepEqual([second.choices[0].finish_reason, second.choices[0].message.tool_calls], ["stop", undefined]);
    const named = await caller.chat.completions.create({ ...ask, tool_choice: { type: "function", function: { name: "zone" } } });
    assert.deepEqual([named.choices[0].message.content, named.choices[0].message.tool_calls[0].function], [null, { name: "zone", arguments: "{}" }]);
    await fails(OpenAI.BadRequestError, 400, "unsupported_value", caller.chat.completions.create({ ...ask, stop: "x" }));
  },

  async "streamed tools"() {
    const heard = [];
    const stream = caller.chat.completions.stream({ model: "caller", messages: user("weather?"), tools, max_tokens: 200, tool_choice: "required", parallel_tool_calls: false });
    stream.on("tool_calls.function.arguments.delta", event => heard.push(event.arguments_delta));
    const whole = await stream.finalChatCompletion();
    const calls = whole.choices[0].message.tool_calls;
    assert.equal(calls.length, 1);
    assert.equal(heard.join(""), calls[0].function.arguments);
    assert.ok(heard.length > 3);
    assert.equal(whole.choices[0].finish_reason, "tool_calls");
  },

  async "a tool that runs"() {
    const gave = [];
    const runner = caller.chat.completions.runTools({
      model: "caller", messages: user("weather?"), max_tokens: 200,
      tools: [{ type: "function", function: { name: "weather", parse: JSON.parse, parameters: city, function: args => { gave.push(args); return "rain"; } } }],
    }, { maxChatCompletions: 2 });
    await runner.done();
    assert.deepEqual(gave[0], { city: "" });
    assert.deepEqual(runner.messages.map(m => m.role).slice(0, 4), ["user", "assistant", "tool", "assistant"]);
  },

  async "json schema"() {
    const response_format = { type: "json_schema", json_schema: { name: "place", strict: true, schema: city } };
    const parsed = await caller.chat.completions.parse({ model: "caller", messages: user("where?"), max_tokens: 100, response_format });
    assert.deepEqual(parsed.choices[0].message.parsed, { city: "" });
    const error = await fails(OpenAI.BadRequestError, 400, "unsupported_value", caller.chat.completions.create({
      model: "caller", messages: user("x"), response_format: { type: "json_schema", json_schema: { name: "x", schema: { not: {} } } } }));
    assert.match(error.message, /the keyword not is not supported/);
  },

  async embeddings() {
    const floats = await caller.embeddings.create({ model: "caller", input: ["a", "weather"], encoding_format: "float" });
    const packed = await caller.embeddings.create({ model: "caller", input: ["a", "weather"] }); // asks for base64
    assert.equal(packed.data.length, 2);
    for (let i = 0; i < 2; i++) {
      assert.deepEqual(packed.data[i].embedding.map(Math.fround), floats.data[i].embedding.map(Math.fround));
      assert.ok(Math.abs(packed.data[i].embedding.reduce((sum, x) => sum + x * x, 0) - 1) < 1e-5);
    }
  },

  async errors() {
    const chat = (client, model) => client.chat.completions.create({ model, messages: user("x") });
    const missing = await fails(OpenAI.NotFoundError, 404, "model_not_found", chat(words, "nobody"));
    assert.match(missing.message, /there is no module 'nobody'/);
    await fails(OpenAI.NotFoundError, 404, "model_not_found", words.models.retrieve("nobody"));
    const wrong = await fails(OpenAI.BadRequestError, 400, null, words.chat.completions.create({ model: "reply", messages: user("x"), temperature: 9 }));
    assert.deepEqual([wrong.param, wrong.type], ["temperature", "invalid_request_error"]);
    await fails(OpenAI.AuthenticationError, 401, "invalid_api_key", chat(keyed, "mood"));
    const known = new OpenAI({ baseURL: keyed.baseURL, apiKey: "alpha", maxRetries: 0 });
    await fails(OpenAI.PermissionDeniedError, 403, "insufficient_permissions", chat(known, "reply"));
    await chat(known, "mood");
    const busy = await fails(OpenAI.RateLimitError, 429, "rate_limit_exceeded", chat(known, "mood"));
    assert.ok(Number(busy.headers.get("retry-after")) > 0);
    await fails(OpenAI.InternalServerError, 500, null, words.chat.completions.create({ model: "reply", messages: user("break") }));
    await assert.rejects(new OpenAI({ baseURL: "http://127.0.0.1:9/v1", apiKey: "x", maxRetries: 0 }).models.list(), OpenAI.APIConnectionError);
  },

  async abort() {
    const stream = await words.chat.completions.create({ model: "reply", messages: user("endless"), stream: true });
    let pieces = 0;
    for await (const chunk of stream) {
      pieces += chunk.choices[0]?.delta?.content ? 1 : 0;
      if (pieces === 1)
        stream.controller.abort();
    }
    assert.equal(pieces, 1);
    const early = new AbortController();
    const asked = words.chat.completions.create({ model: "reply", messages: user("endless") }, { signal: early.signal });
    setTimeout(() => early.abort(), 20);
    await assert.rejects(asked, OpenAI.APIUserAbortError);
  },
};

for (const [name, check] of Object.entries(checks)) {
  try {
    await check();
  } catch (error) {
    console.error(`${name}: ${error.stack}`);
    process.exit(1);
  }
  console.log(name);
}
