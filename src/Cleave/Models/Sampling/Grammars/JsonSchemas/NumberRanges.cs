using System.Globalization;
using static Cleave.Models.Sampling.Grammars.Expression;

namespace Cleave.Models.Sampling.Grammars.JsonSchemas;

/// <summary>Whole numbers between two bounds, digit by digit.</summary>
internal static class NumberRanges
{
    /// <summary>The bounds that every whole number of a grammar keeps: 15 digits.</summary>
    public const long Most = 999_999_999_999_999;

    /// <summary>The whole numbers from one bound to the other; null where there are none.</summary>
    public static Expression? Integers(long least, long most)
    {
        var choices = new List<Expression>();
        if (least < 0 && Magnitudes(Math.Max(1, -Math.Min(most, -1)), -least) is { } negative)
            choices.Add(Then(Text("-"), negative));
        if (most >= 0 && Magnitudes(Math.Max(least, 0), most) is { } positive)
            choices.Add(positive);
        return choices.Count == 0 ? null : Either([.. choices]);
    }

    /// <summary>Decimal numbers between two whole bounds; null where there are none.</summary>
    public static Expression? Decimals(long least, long most)
    {
        var choices = new List<Expression>();
        if (Integers(least, most) is { } whole)
            choices.Add(whole);
        // n.d lies above n, and −n.d below −n: so n itself must leave room for one more.
        if (most >= 1 && Magnitudes(Math.Max(least, 0), most - 1) is { } above)
            choices.Add(Then(above, JsonParts.Fraction));
        if (least <= -1 && Magnitudes(Math.Max(0, -Math.Min(most, 0)), -least - 1) is { } below)
            choices.Add(Then(Text("-"), below, JsonParts.Fraction));
        return choices.Count == 0 ? null : Either([.. choices]);
    }

    /// <summary>Numbers without sign from one bound to the other, one choice for each count of digits.</summary>
    private static Expression? Magnitudes(long least, long most)
    {
        var choices = new List<Expression>();
        for (long low = least; low <= most;)
        {
            string first = low.ToString(CultureInfo.InvariantCulture);
            long largest = long.Parse(new string('9', first.Length), CultureInfo.InvariantCulture);
            long high = Math.Min(most, largest);
            choices.Add(SameLength(first, high.ToString(CultureInfo.InvariantCulture)));
            low = high + 1;
        }
        return choices.Count == 0 ? null : Either([.. choices]);
    }

    /// <summary>Numbers of equally many digits.</summary>
    private static Expression SameLength(string first, string last)
    {
        if (first.Length == 0)
            return Empty;
        if (first.AsSpan().IndexOfAnyExcept('0') < 0 && last.AsSpan().IndexOfAnyExcept('9') < 0)
            return new Repeat(JsonParts.Digit, first.Length, first.Length);
        char low = first[0], high = last[0];
        string restLow = first[1..], restHigh = last[1..], zeros = new('0', restLow.Length), nines = new('9', restLow.Length);
        if (low == high)
            return Then(Text(low.ToString()), SameLength(restLow, restHigh));
        var choices = new List<Expression> { Then(Text(low.ToString()), SameLength(restLow, nines)) };
        if (high - low > 1)
            choices.Add(Then(Of(CodePoints.Of((low + 1, high - 1))), SameLength(zeros, nines)));
        choices.Add(Then(Text(high.ToString()), SameLength(zeros, restHigh)));
        return Either([.. choices]);
    }
}
