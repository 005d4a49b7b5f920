namespace SupportDesk.Generator;

/// <summary>The task "intent": what a customer wants, in 27 classes from frequent to rare.</summary>
public static class Intents
{
    /// <summary>Each class with its number of training rows.</summary>
    public static readonly (string Name, int Rows)[] Classes =
    [
        ("track_order", 195), ("cancel_order", 145), ("return_item", 140), ("refund_status", 120),
        ("request_refund", 105), ("damaged_item", 100), ("late_delivery", 85), ("wrong_item", 80),
        ("change_address", 75), ("change_order", 65), ("exchange_item", 65), ("missing_item", 65),
        ("payment_failed", 60), ("product_question", 55), ("stock_check", 55), ("account_login", 50),
        ("discount_code", 45), ("double_charge", 45), ("delivery_options", 45), ("invoice_request", 40),
        ("warranty_claim", 40), ("subscription_cancel", 35), ("praise", 30), ("gift_card", 25),
        ("complaint_staff", 25), ("human_agent", 25), ("close_account", 25),
    ];

    private static readonly double[] Weights = [.. Classes.Select(c => (double)c.Rows)];

    /// <summary>A request for one class, in plain words or against another class.</summary>
    public static List<Piece> Request(Customer customer, string name)
    {
        double kind = customer.Rng.NextDouble();
        bool wants = customer.Knows($"want.{name}");
        if (kind < 0.85)
            return Plain(customer, name);
        if (kind < 0.88)
            return customer.Say("twofold", ("A", Plain(customer, name)), ("B", Plain(customer, Other(customer, name, ""))));
        if (!wants)
            return Customer.Finish(customer.Say("report", ("S", customer.Say($"state.{name}")), ("O", Want(customer, name))));
        return Customer.Finish(kind < 0.96
            ? customer.Say("contrast", ("C", customer.Say($"want.{name}")), ("O", Want(customer, name)))
            : customer.Say("demand", ("C", customer.Say($"want.{name}")), ("S", customer.Say(Other(customer, name, "state.")))));
    }

    public static List<Piece> Plain(Customer customer, string name) => Customer.Finish(customer.Say($"intent.{name}"));

    /// <summary>The request with what people write around it.</summary>
    public static List<Piece> Letter(Customer customer, string name, List<Piece> request) => Customer.Row(
        customer.Chance(0.3) ? customer.Say("greeting") : null,
        customer.Chance(0.15) ? customer.Say("opener") : null,
        request,
        customer.Chance(0.15) ? customer.Say("smalltalk") : null,
        customer.Chance(name == "praise" ? 0 : 0.12) ? customer.Say("anger") : null,
        customer.Chance(0.25) ? customer.Say("closer") : null);

    private static List<Piece> Want(Customer customer, string not) => customer.Say(Other(customer, not, "want."));

    /// <summary>Another class that has such a rule, as often as the class occurs: rare classes are not given away by being refused.</summary>
    private static string Other(Customer customer, string not, string rule)
    {
        while (true)
        {
            string name = Classes[customer.Pick(Weights)].Name;
            if (name != not && (rule == "" || customer.Knows(rule + name)))
                return rule + name;
        }
    }
}
