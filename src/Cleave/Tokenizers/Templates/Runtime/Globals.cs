using System.Globalization;
using System.Text;

namespace Cleave.Tokenizers.Templates.Runtime;

/// <summary>Functions that every template can call: Jinja's own, and those that transformers adds.</summary>
internal static class Globals
{
    private const int LongestRange = 100_000; // as Jinja's sandbox has it

    private static readonly Dictionary<string, Callable> All = new Callable[]
    {
        new("range", Range),
        new("dict", (_, a) => Dict(a)),
        new("namespace", Namespace),
        new("raise_exception", (run, a) => throw new RuntimeFault(ValueText.Of(a.Bind(1, "raise_exception", "message")[0], run.Budget)) { IsRefusal = true }),
        new("strftime_now", (run, a) => Format(run.Now, Arguments.Text(a.Bind(1, "strftime_now", "format")[0], "the format"))),
    }.ToDictionary(c => c.Name, StringComparer.Ordinal);

    public static Callable? Find(string name) => All.GetValueOrDefault(name);

    private static Sequence Range(Interpreter run, Arguments arguments)
    {
        object?[] a = arguments.Bind(1, "range", "start", "stop", "step");
        long first = Arguments.Whole(a[0], 0, "a bound of 'range'"), start = a[1] == Arguments.Absent ? 0 : first;
        long stop = Arguments.Whole(a[1], first, "a bound of 'range'"), step = Arguments.Whole(a[2], 1, "the step of 'range'");
        if (step == 0)
            throw new RuntimeFault("the step of 'range' is 0");
        Int128 count = step > 0 ? ((Int128)stop - start + step - 1) / step : ((Int128)start - stop - step - 1) / -(Int128)step;
        if (count > LongestRange)
            throw new RuntimeFault($"'range' would have more than {LongestRange} numbers");
        count = count < 0 ? 0 : count;
        run.Budget.Allocate((long)count);
        return new Sequence([.. Enumerable.Range(0, (int)count).Select(i => (object?)(start + i * step))], SequenceKind.View);
    }

    private static Mapping Dict(Arguments arguments)
    {
        var mapping = new Mapping();
        foreach (object? source in arguments.Positional)
        {
            if (source is Mapping other)
            {
                foreach ((object? key, object? value) in other.Entries)
                    mapping[key] = value;
            }
            else if (source is Sequence pairs)
            {
                foreach (object? pair in pairs.Take())
                    mapping[pair is Sequence { Items: [var key, _] } ? key : throw new RuntimeFault("'dict' takes pairs")] = ((Sequence)pair).Items[1];
            }
            else
            {
                throw new RuntimeFault($"'dict' cannot be made of {Kinds.Of(source)}");
            }
        }
        foreach ((string name, object? value) in arguments.Named)
            mapping[name] = value;
        return mapping;
    }

    private static Namespace Namespace(Interpreter run, Arguments arguments)
    {
        var space = new Namespace();
        foreach ((object? key, object? value) in Dict(arguments).Entries)
            space.Members[Arguments.Text(key, "a namespace's name")] = value;
        return space;
    }

    /// <summary>C's strftime for what templates ask for: the parts of date and time, in English.</summary>
    private static string Format(DateTimeOffset now, string format)
    {
        var text = new StringBuilder();
        for (int i = 0; i < format.Length; i++)
        {
            if (format[i] != '%' || i + 1 == format.Length)
            {
                text.Append(format[i]);
                continue;
            }
            bool plain = format[i + 1] == '-' && i + 2 < format.Length;
            char code = format[i += plain ? 2 : 1];
            string part = code switch
            {
                'Y' => $"{now.Year:0000}",
                'y' => $"{now.Year % 100:00}",
                'm' => $"{now.Month:00}",
                'd' => $"{now.Day:00}",
                'e' => $"{now.Day,2}",
                'H' => $"{now.Hour:00}",
                'I' => $"{(now.Hour + 11) % 12 + 1:00}",
                'M' => $"{now.Minute:00}",
                'S' => $"{now.Second:00}",
                'f' => $"{now.Ticks % TimeSpan.TicksPerSecond / 10:000000}",
                'j' => $"{now.DayOfYear:000}",
                'p' => now.Hour < 12 ? "AM" : "PM",
                'B' => now.ToString("MMMM", CultureInfo.InvariantCulture),
                'b' or 'h' => now.ToString("MMM", CultureInfo.InvariantCulture),
                'A' => now.ToString("dddd", CultureInfo.InvariantCulture),
                'a' => now.ToString("ddd", CultureInfo.InvariantCulture),
                'F' => now.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture),
                'T' => now.ToString("HH:mm:ss", CultureInfo.InvariantCulture),
                'z' => now.ToString("zzz", CultureInfo.InvariantCulture).Replace(":", "", StringComparison.Ordinal),
                '%' => "%",
                _ => throw new RuntimeFault($"'%{code}' is not supported in the format of a date"),
            };
            text.Append(plain && part.Length > 1 ? part.TrimStart('0', ' ') is { Length: > 0 } trimmed ? trimmed : "0" : part);
        }
        return text.ToString();
    }
}
