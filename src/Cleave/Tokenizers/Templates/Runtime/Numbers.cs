namespace Cleave.Tokenizers.Templates.Runtime;

/// <summary>Arithmetic as in Python, with whole numbers of 64 bits; booleans are 0 and 1.</summary>
internal static class Numbers
{
    public static bool AreNumbers(object? a, object? b) => a is bool or long or double && b is bool or long or double;

    /// <summary>A whole number or a boolean, or null.</summary>
    public static long? Whole(object? value) => value is long whole ? whole : value is bool flag ? (flag ? 1 : 0) : null;

    public static double Real(object value) => value is double real ? real : Whole(value)!.Value;

    public static int Compare(object a, object b)
    {
        if (Whole(a) is { } x && Whole(b) is { } y)
            return x.CompareTo(y);
        double p = Real(a), q = Real(b);
        // NaN is neither equal to, nor below, anything: -2.
        return double.IsNaN(p) || double.IsNaN(q) ? -2 : p.CompareTo(q);
    }

    public static object Calculate(string op, object a, object b)
    {
        try
        {
            if (op != "/" && Whole(a) is { } x && Whole(b) is { } y)
            {
                return op switch
                {
                    "+" => (object)checked(x + y),
                    "-" => checked(x - y),
                    "*" => checked(x * y),
                    "//" => Floor(x, NonZero(y)),
                    "%" => Modulo(x, NonZero(y)),
                    _ => y < 0 ? (object)Math.Pow(x, y) : Power(x, y),
                };
            }
        }
        catch (OverflowException)
        {
            throw new RuntimeFault($"the result of '{op}' does not fit 64 bits");
        }
        double p = Real(a), q = Real(b);
        return op switch
        {
            "+" => p + q,
            "-" => p - q,
            "*" => p * q,
            "/" => p / NonZero(q),
            "//" => Math.Floor(p / NonZero(q)),
            "%" => Modulo(p, NonZero(q)),
            _ => Math.Pow(p, q),
        };
    }

    private static long NonZero(long value) => value != 0 ? value : throw new RuntimeFault("division by zero");

    private static double NonZero(double value) => value != 0 ? value : throw new RuntimeFault("division by zero");

    private static long Floor(long x, long y)
    {
        long quotient = checked(x / y);
        return x % y != 0 && (x < 0) != (y < 0) ? quotient - 1 : quotient;
    }

    private static long Modulo(long x, long y)
    {
        if (y == -1)
            return 0;
        long rest = x % y;
        return rest != 0 && (rest < 0) != (y < 0) ? rest + y : rest;
    }

    private static double Modulo(double p, double q)
    {
        double rest = p % q;
        return rest != 0 && (rest < 0) != (q < 0) ? rest + q : rest == 0 ? Math.CopySign(0, q) : rest;
    }

    private static long Power(long x, long y)
    {
        long result = 1;
        for (long b = x; y > 0; y >>= 1)
        {
            if ((y & 1) != 0)
                result = checked(result * b);
            if (y > 1)
                b = checked(b * b);
        }
        return result;
    }
}
