namespace SupportDesk.Generator;

/// <summary>The task "order": the order numbers, products, amounts and dates in a message, as spans.</summary>
public static class Orders
{
    /// <summary>The labels that the task asks for; a customer's own name is not among them.</summary>
    public static readonly string[] Labels = ["order_id", "product", "amount", "date"];

    public static List<Piece> Report(Customer customer)
    {
        List<Piece> body = customer.Chance(0.65)
            ? Customer.Finish(customer.Say("extract"))
            : Intents.Plain(customer, Intents.Classes[customer.Rng.NextInt(Intents.Classes.Length)].Name);
        bool before = customer.Chance(0.12);
        return Customer.Row(
            customer.Chance(0.2) ? customer.Say("greeting") : null,
            before ? customer.Say("distract") : null,
            body,
            !before && customer.Chance(0.3) ? customer.Say("distract") : null,
            customer.Chance(0.15) ? customer.Say("closer") : null);
    }
}
