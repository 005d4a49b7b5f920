namespace SupportDesk.Generator;

/// <summary>The task "sentiment": negative, neutral or positive, often in words that mislead when taken one by one.</summary>
public static class Sentiments
{
    /// <summary>Each class with its number of training rows.</summary>
    public static readonly (string Name, int Rows)[] Classes = [("negative", 960), ("positive", 800), ("neutral", 640)];

    public static List<Piece> Opinion(Customer customer, string label)
    {
        List<Piece> body = label == "neutral" ? Neutral(customer) : Tone(customer, label == "positive");
        return Customer.Row(
            customer.Chance(0.15) ? customer.Say("greeting") : null,
            customer.Chance(0.08) ? Customer.Finish(customer.Say("neu")) : null,
            Customer.Finish(body),
            customer.Chance(0.08) ? Customer.Finish(customer.Say("neu")) : null,
            customer.Chance(0.1) ? customer.Say("closer") : null);
    }

    private static List<Piece> Neutral(Customer customer) => customer.Pick([0.55, 0.25, 0.2]) switch
    {
        0 => customer.Say("neu"),
        1 => Customer.Row(Customer.Finish(customer.Say("neu")), customer.Say("neu")),
        _ => customer.Say("balance"),
    };

    private static List<Piece> Tone(Customer customer, bool positive)
    {
        (string plain, string turned, string against) = positive ? ("pos", "notneg", "neg") : ("neg", "notpos", "pos");
        return customer.Pick([0.62, 0.16, 0.14, 0.08]) switch
        {
            0 => customer.Say(plain),
            1 => customer.Say(turned),
            2 => customer.Say("versus", ("W", customer.Say(plain)), ("L", customer.Say(against))),
            _ => customer.Say(positive ? "cheer" : "sarcasm"),
        };
    }
}
