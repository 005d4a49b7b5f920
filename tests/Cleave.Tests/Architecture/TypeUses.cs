using Mono.Cecil;
using Mono.Cecil.Cil;

namespace Cleave.Tests.Architecture;

/// <summary>Everything that a compiled type mentions: bases, members, attributes, constraints and the code of its methods.</summary>
internal static class TypeUses
{
    public static IEnumerable<TypeReference> Of(TypeDefinition type) => Mentioned(type).OfType<TypeReference>().SelectMany(Flatten);

    private static IEnumerable<TypeReference?> Mentioned(TypeDefinition type)
    {
        yield return type.BaseType;
        foreach (InterfaceImplementation implementation in type.Interfaces)
            yield return implementation.InterfaceType;
        IEnumerable<TypeReference?> rest = Attributes(type).Concat(Constraints(type))
            .Concat(type.Fields.SelectMany(f => Attributes(f).Append(f.FieldType)))
            .Concat(type.Properties.SelectMany(Attributes))
            .Concat(type.Events.SelectMany(Attributes))
            .Concat(type.Methods.SelectMany(Mentioned));
        foreach (TypeReference? used in rest)
            yield return used;
    }

    private static IEnumerable<TypeReference?> Mentioned(MethodDefinition method)
    {
        IEnumerable<TypeReference?> signature = Attributes(method).Concat(Constraints(method)).Concat(Attributes(method.MethodReturnType))
            .Append(method.ReturnType).Concat(method.Parameters.SelectMany(p => Attributes(p).Append(p.ParameterType)));
        return !method.HasBody ? signature : signature
            .Concat(method.Body.Variables.Select(v => v.VariableType))
            .Concat(method.Body.ExceptionHandlers.Select(h => h.CatchType))
            .Concat(method.Body.Instructions.SelectMany(Mentioned));
    }

    private static IEnumerable<TypeReference?> Mentioned(Instruction instruction) => instruction.Operand switch
    {
        TypeReference type => [type],
        FieldReference field => [field.DeclaringType, field.FieldType],
        MethodReference method => [method.DeclaringType, method.ReturnType, .. method.Parameters.Select(p => p.ParameterType),
            .. method is GenericInstanceMethod generic ? generic.GenericArguments : []],
        CallSite site => [site.ReturnType, .. site.Parameters.Select(p => p.ParameterType)],
        _ => [],
    };

    private static IEnumerable<TypeReference?> Attributes(ICustomAttributeProvider provider)
    {
        foreach (CustomAttribute attribute in provider.CustomAttributes)
        {
            yield return attribute.AttributeType;
            IEnumerable<CustomAttributeArgument> arguments = attribute.ConstructorArguments
                .Concat(attribute.Fields.Select(f => f.Argument)).Concat(attribute.Properties.Select(p => p.Argument));
            foreach (CustomAttributeArgument argument in arguments)
            {
                yield return argument.Type;
                if (argument.Value is TypeReference type)
                    yield return type;
            }
        }
    }

    private static IEnumerable<TypeReference?> Constraints(IGenericParameterProvider provider) =>
        provider.GenericParameters.SelectMany(p => p.Constraints.Select(c => c.ConstraintType));

    /// <summary>A constructed type's parts: List&lt;A[]&gt; mentions List and A.</summary>
    private static IEnumerable<TypeReference> Flatten(TypeReference type) => type switch
    {
        GenericInstanceType generic => Flatten(generic.ElementType).Concat(generic.GenericArguments.SelectMany(Flatten)),
        FunctionPointerType pointer => Flatten(pointer.ReturnType).Concat(pointer.Parameters.SelectMany(p => Flatten(p.ParameterType))),
        IModifierType modifier => Flatten(modifier.ElementType).Concat(Flatten(modifier.ModifierType)),
        TypeSpecification specification => Flatten(specification.ElementType),
        GenericParameter => [],
        _ => [type],
    };
}
