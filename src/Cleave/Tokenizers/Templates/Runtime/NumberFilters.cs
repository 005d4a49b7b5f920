using System.Globalization;

namespace Cleave.Tokenizers.Templates.Runtime;

internal static class NumberFilters
{
    public static Dictionary<string, Filters.Body> All { get; } = new(StringComparer.Ordinal)
    {
        ["int"] = (run, v, a) => Int(v, a),
        ["float"] = (run, v, a) => Float(v) ?? Arguments.Or(a.Bind("float", "default")[0], 0.0),
        ["abs"] = (run, v, a) => v is double real ? (object)Math.Abs(real) : Numbers.Whole(v) is { } whole and not long.MinValue ? Math.Abs(whole) : throw NoNumber("abs", v),
        ["round"] = (run, v, a) => Round(v, a),
    };

    private static RuntimeFault NoNumber(string filter, object? value) =>
        (value as Undefined)?.Fault() ?? new RuntimeFault($"'{filter}' takes a number, not {Kinds.Of(value)}");

    private static object? Int(object? value, Arguments arguments)
    {
        object?[] a = arguments.Bind("int", "default", "base");
        long radix = Arguments.Whole(a[1], 10, "the base");
        if (value is string text && ReadWhole(PythonText.Strip(text, null, true, true), radix) is { } read)
            return read;
        if (Numbers.Whole(value) is { } whole)
            return whole;
        if (value is Undefined)
            throw ((Undefined)value).Fault();
        return Float(value) is { } real && Math.Abs(real) < 9.2e18 ? (long)real : Arguments.Or(a[0], 0L);
    }

    private static long? ReadWhole(string text, long radix)
    {
        bool negative = text.StartsWith('-');
        string digits = (negative || text.StartsWith('+') ? text[1..] : text).Replace("_", "", StringComparison.Ordinal).ToLowerInvariant();
        string prefix = radix switch { 16 => "0x", 8 => "0o", 2 => "0b", _ => "" };
        if (prefix.Length > 0 && digits.StartsWith(prefix, StringComparison.Ordinal))
            digits = digits[2..];
        if (digits.Length == 0 || radix is < 2 or > 36)
            return null;
        Int128 value = 0;
        foreach (char c in digits)
        {
            int digit = char.IsAsciiDigit(c) ? c - '0' : c is >= 'a' and <= 'z' ? c - 'a' + 10 : 99;
            if (digit >= radix)
                return null;
            value = value * radix + digit;
            if (value > long.MaxValue)
                throw new RuntimeFault("the whole number does not fit 64 bits");
        }
        return (long)(negative ? -value : value);
    }

    private static double? Float(object? value) => value switch
    {
        double real => real,
        bool or long => Numbers.Real(value),
        string text when double.TryParse(PythonText.Strip(text, null, true, true).Replace("_", "", StringComparison.Ordinal),
            NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent, CultureInfo.InvariantCulture, out double read) => read,
        Undefined undefined => throw undefined.Fault(),
        _ => null,
    };

    private static object Round(object? value, Arguments arguments)
    {
        object?[] a = arguments.Bind("round", "precision", "method");
        int precision = (int)Math.Clamp(Arguments.Whole(a[0], 0, "the precision"), -300, 300);
        string method = Arguments.Or(a[1], "common") as string ?? "";
        if (!Numbers.AreNumbers(value, value))
            throw NoNumber("round", value);
        double scale = Math.Pow(10, precision), scaled = Numbers.Real(value!) * scale;
        switch (method)
        {
            case "ceil": return Math.Ceiling(scaled) / scale;
            case "floor": return Math.Floor(scaled) / scale;
            case "common": break;
            default: throw new RuntimeFault("the method of 'round' is common, ceil or floor");
        }
        if (value is double real)
            return double.IsFinite(real) ? RoundHalfEven(real, precision) : real;
        return precision >= 0 ? Numbers.Whole(value)!.Value : (long)RoundHalfEven(Numbers.Real(value!), precision);
    }

    // By the exact decimal digits of the number; of two that are equally near, the even one.
    private static double RoundHalfEven(double value, int precision)
    {
        if (precision < 0)
            return Math.Round(value * Math.Pow(10, precision), MidpointRounding.ToEven) / Math.Pow(10, precision);
        string exact = Math.Abs(value).ToString($"F{precision + 1100}", CultureInfo.InvariantCulture);
        int cut = exact.IndexOf('.') + 1 + precision;
        string kept = exact[..cut].TrimEnd('.'), rest = exact[cut..];
        bool isTie = rest[0] == '5' && rest.AsSpan(1).TrimEnd('0').IsEmpty;
        bool isEven = (kept[^1] - '0') % 2 == 0;
        string rounded = isTie && isEven ? kept : Math.Abs(value).ToString($"F{precision}", CultureInfo.InvariantCulture);
        return Math.CopySign(double.Parse(rounded, CultureInfo.InvariantCulture), value);
    }
}
