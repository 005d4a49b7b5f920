namespace SupportDesk.Generator;

/// <summary>
/// The task "reply": a short answer that the message decides. The intent gives the core, the order number, product
/// and amount are copied, anger is met with an apology, a name or greeting with a greeting, thanks with good wishes.
/// </summary>
public sealed class Replies(Grammar grammar)
{
    /// <summary>The classes of <see cref="Intents"/> that have an answer.</summary>
    public string[] Names { get; } = [.. Intents.Classes.Select(c => c.Name).Where(n => grammar.Has($"ask.{n}"))];

    /// <summary>A message for one class and the answer to it.</summary>
    public (Message Message, string Reply) Exchange(Customer customer, string name)
    {
        List<Piece> request = customer.Knows($"want.{name}") && customer.Chance(0.15)
            ? Intents.Request(customer, name) : Intents.Plain(customer, name);
        bool greets = customer.Chance(0.3), angry = name != "praise" && customer.Chance(0.2);
        List<Piece>? closer = customer.Chance(0.35) ? customer.Say("closer") : null;
        Message message = Noise.Apply(Customer.Row(
            greets ? customer.Say("greeting") : null,
            request,
            angry ? customer.Say("anger") : null,
            closer), customer.Rng, 0.6);

        bool thanks = closer is not null && Message.Write(closer).Text is "Thanks!" or "Thank you." or "thx" or "Thanks in advance."
            or "Many thanks." or "Ta." or "Appreciate it.";
        string opening = message.First("name") is string who ? $"Hello {who}!" : greets ? "Hello!" : "";
        string[] parts = [opening, angry ? "I am sorry about this." : "", Core(message, name), thanks ? "Have a nice day!" : ""];
        return (message, string.Join(' ', parts.Where(p => p.Length > 0)));
    }

    /// <summary>The way that uses the most of what the message tells, the first of equals.</summary>
    private string Core(Message message, string name)
    {
        string? order = message.First("order_id");
        string rule = order is not null && grammar.Has($"reply.{name}") ? $"reply.{name}" : $"ask.{name}";
        (string Mark, string? Value)[] known =
        [
            ("{O}", order), ("{P}", message.First("product")), ("{A}", message.First("amount")),
        ];
        string? best = null;
        int most = -1;
        foreach (string way in grammar.Ways(rule))
        {
            int used = known.Count(k => k.Value is not null && way.Contains(k.Mark, StringComparison.Ordinal));
            bool usable = known.All(k => k.Value is not null || !way.Contains(k.Mark, StringComparison.Ordinal));
            if (usable && used > most)
                (best, most) = (way, used);
        }
        best ??= "Of course. Which product or order is it about?";
        foreach ((string mark, string? value) in known)
            best = best.Replace(mark, value, StringComparison.Ordinal);
        return best;
    }
}
