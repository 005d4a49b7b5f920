using System.Text.Json;
using System.Text.Json.Nodes;
using Cleave.Formats.Durable;

namespace Cleave.Tuning;

/// <summary>The value of one parameter: a number (integers included, exact up to 2^53), a text or a flag.</summary>
public readonly record struct ParameterValue
{
    private readonly double _number;
    private readonly string? _text;
    private readonly bool _isFlag;

    private ParameterValue(double number, string? text, bool isFlag) => (_number, _text, _isFlag) = (number, text, isFlag);

    public bool IsNumber => _text is null && !_isFlag;

    /// <exception cref="ArgumentException">The number is not finite.</exception>
    public static implicit operator ParameterValue(double number) => FromNumber(number);

    public static implicit operator ParameterValue(string text) => FromText(text);

    public static implicit operator ParameterValue(bool flag) => FromFlag(flag);

    /// <inheritdoc cref="op_Implicit(double)"/>
    public static ParameterValue FromNumber(double number) => double.IsFinite(number)
        ? new(number + 0.0, null, false)
        : throw new ArgumentException($"{number} cannot be a parameter's value", nameof(number));

    public static ParameterValue FromText(string text) => new(0, text ?? throw new ArgumentNullException(nameof(text)), false);

    public static ParameterValue FromFlag(bool flag) => new(flag ? 1 : 0, null, true);

    /// <exception cref="InvalidOperationException">The value is not a number.</exception>
    public double AsDouble() => IsNumber ? _number : throw Wrong("number");

    /// <exception cref="InvalidOperationException">The value is not an integer of 64 bits.</exception>
    public long AsLong() => IsNumber && _number == Math.Floor(_number) && Math.Abs(_number) <= 1L << 53 ? (long)_number : throw Wrong("integer");

    /// <inheritdoc cref="AsLong"/>
    public int AsInt() => checked((int)AsLong());

    /// <exception cref="InvalidOperationException">The value is not a text.</exception>
    public string AsText() => _text ?? throw Wrong("text");

    /// <exception cref="InvalidOperationException">The value is not a flag.</exception>
    public bool AsBool() => _isFlag ? _number != 0 : throw Wrong("flag");

    /// <summary>The value as people and command lines write it.</summary>
    public override string ToString() => _text ?? (_isFlag ? (_number != 0 ? "true" : "false") : CanonicalJson.Number(_number));

    public JsonValue ToJson() => _text is not null ? JsonValue.Create(_text)
        : _isFlag ? JsonValue.Create(_number != 0)
        : _number == Math.Floor(_number) && Math.Abs(_number) <= 1L << 53 ? JsonValue.Create((long)_number)
        : JsonValue.Create(_number);

    /// <returns>Null where the node is not a finite number, a text or a flag.</returns>
    public static ParameterValue? FromJson(JsonNode? node) => node is not JsonValue value ? (ParameterValue?)null : value.GetValueKind() switch
    {
        JsonValueKind.String => FromText(value.GetValue<string>()),
        JsonValueKind.True => FromFlag(true),
        JsonValueKind.False => FromFlag(false),
        JsonValueKind.Number when double.TryParse(value.ToJsonString(), out double number) && double.IsFinite(number) => FromNumber(number),
        _ => (ParameterValue?)null, // without the cast, a null text
    };

    private InvalidOperationException Wrong(string wanted) => new($"the value {this} is not a {wanted}");
}
