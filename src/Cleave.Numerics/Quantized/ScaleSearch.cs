namespace Cleave.Numerics.Quantized;

/// <summary>
/// The searches for scales that ggml's formats are written with: each tries scales around the one that the range gives
/// and keeps the one whose least-squares fit is best. Sums run in one order in single precision, because the results are
/// compared bit by bit with other programs' files.
/// </summary>
internal static class ScaleSearch
{
    private const float Nothing = 1e-15f; // groups below it are zeros

    /// <summary>x ≈ scale · (q − levels), q from 0 to 2 · levels − 1.</summary>
    /// <param name="weights">Of the squared errors; empty: x².</param>
    public static float Symmetric(ReadOnlySpan<float> x, ReadOnlySpan<float> weights, int levels, Span<byte> q)
    {
        float largest = Largest(x);
        q.Clear();
        if (MathF.Abs(largest) < Nothing)
            return 0;
        float inverse = -levels / largest;
        (float product, float square) = Fit(x, weights, levels, inverse);
        Round(x, levels, inverse, q);
        float scale = square != 0 ? product / square : 0, best = scale * product;
        for (int step = -9; step <= 9; step++)
        {
            if (step == 0)
                continue;
            inverse = -(levels + 0.1f * step) / largest;
            (product, square) = Fit(x, weights, levels, inverse);
            if (!(square > 0 && product * product > best * square))
                continue;
            Round(x, levels, inverse, q);
            scale = product / square;
            best = scale * product;
        }
        return scale;
    }

    /// <summary>The same with weights x², by moving one value at a time to where the fit is better.</summary>
    public static float SymmetricByTurns(ReadOnlySpan<float> x, int levels, Span<byte> q)
    {
        float largest = Largest(x);
        q.Clear();
        if (MathF.Abs(largest) < Nothing)
            return 0;
        float inverse = -levels / largest;
        (float product, float square) = Fit(x, [], levels, inverse);
        Round(x, levels, inverse, q);
        for (int round = 0, changed = 1; round < 5 && changed > 0; round++)
        {
            changed = 0;
            for (int i = 0; i < x.Length; i++)
            {
                float w = x[i] * x[i];
                int before = q[i] - levels;
                float p = product - w * x[i] * before;
                if (!(p > 0))
                    continue;
                float s = square - w * before * before;
                int now = Nearest(x[i] * s / p, -levels, levels - 1);
                if (now == before)
                    continue;
                p += w * x[i] * now;
                s += w * now * now;
                if (!(s > 0 && p * p * square > product * product * s))
                    continue;
                q[i] = (byte)(now + levels);
                (product, square) = (p, s);
                changed++;
            }
        }
        return square > 0 ? product / square : 0;
    }

    /// <summary>x ≈ scale · q − minimum, q from 0 to <paramref name="most"/>, minimum ≥ 0.</summary>
    /// <param name="first">The first scale tried is range / (most + first), the following ones <paramref name="step"/> further.</param>
    /// <param name="absolute">Whether errors count by size or by square.</param>
    public static float Affine(ReadOnlySpan<float> x, ReadOnlySpan<float> weights, int most, float first, float step, int steps,
        bool absolute, Span<byte> q, out float minimum)
    {
        float min = x[0], max = x[0], sumW = weights[0], sumX = sumW * x[0];
        for (int i = 1; i < x.Length; i++)
        {
            min = x[i] < min ? x[i] : min;
            max = x[i] > max ? x[i] : max;
            sumW += weights[i];
            sumX += weights[i] * x[i];
        }
        min = min > 0 ? 0 : min;
        q.Clear();
        minimum = -min;
        if (max <= min)
            return 0;
        float inverse = most / (max - min), scale = 1 / inverse;
        RoundFrom(x, min, most, inverse, q);
        float best = Error(x, weights, q, scale, min, absolute);
        Span<byte> tried = stackalloc byte[x.Length];
        for (int i = 0; i <= steps; i++)
        {
            // The best minimum so far is where the next try starts.
            inverse = (first + step * i + most) / (max - min);
            RoundFrom(x, min, most, inverse, tried);
            float sumL = 0, sumL2 = 0, sumXL = 0;
            for (int j = 0; j < x.Length; j++)
            {
                float l = tried[j], w = weights[j];
                sumL += w * l;
                sumL2 += w * l * l;
                sumXL += w * l * x[j];
            }
            float determinant = sumW * sumL2 - sumL * sumL;
            if (!(determinant > 0))
                continue;
            float thisScale = (sumW * sumXL - sumX * sumL) / determinant, thisMin = (sumL2 * sumX - sumL * sumXL) / determinant;
            if (thisMin > 0)
            {
                thisMin = 0;
                thisScale = sumXL / sumL2;
            }
            float error = Error(x, weights, tried, thisScale, thisMin, absolute);
            if (!(error < best))
                continue;
            tried.CopyTo(q);
            (best, scale, min) = (error, thisScale, thisMin);
        }
        minimum = -min;
        return scale;
    }

    /// <summary>x ≈ scale · q for x ≥ 0, q from 0 to <paramref name="most"/>: scales and minimums of a block.</summary>
    public static float Positive(ReadOnlySpan<float> x, ReadOnlySpan<float> weights, int most, Span<byte> q)
    {
        float max = 0;
        foreach (float v in x)
            max = v > max ? v : max;
        q.Clear();
        if (max < Nothing)
            return 0;
        float inverse = most / max, best = PositiveError(x, weights, int.MaxValue, inverse);
        for (int step = -4; step <= 4; step++)
        {
            float tried = (0.1f * step + most) / max, error = PositiveError(x, weights, most, tried);
            if (step != 0 && error < best)
                (best, inverse) = (error, tried);
        }
        float product = 0, square = 0;
        for (int i = 0; i < x.Length; i++)
        {
            int l = Math.Min(most, Nearest(inverse * x[i]));
            q[i] = (byte)l;
            product += weights[i] * x[i] * l;
            square += weights[i] * l * l;
        }
        for (int round = 0, changed = 1; round < 5 && changed > 0; round++)
        {
            changed = 0;
            for (int i = 0; i < x.Length; i++)
            {
                float w = weights[i], p = product - w * x[i] * q[i], s = square - w * q[i] * q[i];
                if (!(p > 0 && s > 0))
                    continue;
                int now = Math.Min(most, Nearest(x[i] * s / p));
                if (now == q[i])
                    continue;
                p += w * x[i] * now;
                s += w * now * now;
                if (!(p * p * square > product * product * s))
                    continue;
                q[i] = (byte)now;
                (product, square) = (p, s);
                changed++;
            }
        }
        return square > 0 ? product / square : 0;
    }

    /// <summary>The value of largest magnitude, with its sign.</summary>
    public static float Largest(ReadOnlySpan<float> x)
    {
        float largest = 0;
        foreach (float v in x)
        {
            if (MathF.Abs(v) > MathF.Abs(largest))
                largest = v;
        }
        return largest;
    }

    public static int Nearest(float x) => int.CreateSaturating(MathF.Round(x));

    public static int Nearest(float x, int least, int most) => int.Clamp(Nearest(x), least, most);

    private static (float Product, float Square) Fit(ReadOnlySpan<float> x, ReadOnlySpan<float> weights, int levels, float inverse)
    {
        float product = 0, square = 0;
        for (int i = 0; i < x.Length; i++)
        {
            int l = Nearest(inverse * x[i], -levels, levels - 1);
            float w = weights.IsEmpty ? x[i] * x[i] : weights[i];
            product += w * x[i] * l;
            square += w * l * l;
        }
        return (product, square);
    }

    private static void Round(ReadOnlySpan<float> x, int levels, float inverse, Span<byte> q)
    {
        for (int i = 0; i < x.Length; i++)
            q[i] = (byte)(levels + Nearest(inverse * x[i], -levels, levels - 1));
    }

    private static void RoundFrom(ReadOnlySpan<float> x, float min, int most, float inverse, Span<byte> q)
    {
        for (int i = 0; i < x.Length; i++)
            q[i] = (byte)Nearest(inverse * (x[i] - min), 0, most);
    }

    private static float Error(ReadOnlySpan<float> x, ReadOnlySpan<float> weights, ReadOnlySpan<byte> q, float scale, float min, bool absolute)
    {
        float sum = 0;
        for (int i = 0; i < x.Length; i++)
        {
            float difference = scale * q[i] + min - x[i];
            sum += weights[i] * (absolute ? MathF.Abs(difference) : difference * difference);
        }
        return sum;
    }

    private static float PositiveError(ReadOnlySpan<float> x, ReadOnlySpan<float> weights, int most, float inverse)
    {
        float scale = 1 / inverse, sum = 0;
        for (int i = 0; i < x.Length; i++)
        {
            float difference = x[i] - scale * Math.Min(most, Nearest(inverse * x[i]));
            sum += weights[i] * difference * difference;
        }
        return sum;
    }
}
